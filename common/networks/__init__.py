"""Networks of the papers."""

from common.networks.unet import UNet

__all__ = ["UNet"]
