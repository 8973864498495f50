"""Datalists of public data sets, the generated phantom, and files as inputs."""

from common.data.chest_phantom import write_chest_phantom
from common.data.inference_inputs import InferenceInputs
from common.data.isic import isic_datalist
from common.data.readers import load_images
from common.data.shenzhen import shenzhen_datalist
from common.data.splits import stratified_split

__all__ = [
    "InferenceInputs",
    "isic_datalist",
    "load_images",
    "shenzhen_datalist",
    "stratified_split",
    "write_chest_phantom",
]
