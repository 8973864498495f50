"""A MONAI Deploy application: a folder with a DICOM series in, DICOM SEG out, by an unpacked bundle.

    export PYTHONPATH=/bundles/t_loss               # the unpacked bundle, with models/model.ts
    python monai_deploy_app.py -i /data/series -o out -m /bundles/t_loss/models/model.ts

The segments have the names of the plan's classes; which structures they are in SNOMED CT is for you to write.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Application
from monai.deploy.core.domain import Image
from monai.deploy.core.io_type import IOType
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_seg_writer_operator import DICOMSegmentationWriterOperator, SegmentDescription
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator
from monai.deploy.operators.dicom_series_to_volume_operator import DICOMSeriesToVolumeOperator
from monai.deploy.operators.monai_bundle_inference_operator import (
    BundleConfigNames,
    IOMapping,
    MonaiBundleInferenceOperator,
)
from pydicom.sr.codedict import codes

CONFIGS = os.environ.get("BUNDLE_CONFIGS", "inference").split(",")  # inference,unet of soft_label_apl
ONE_SERIES = '{"selections": [{"name": "image", "conditions": {"Modality": "(?i)^(CT|MR)$"}}]}'


class SegmentSeries(Application):
    """Loads a study, selects its CT or MR series, segments it, and writes the segmentation."""

    def compose(self) -> None:
        context = Application.init_app_context(self.argv)
        model = Path(context.model_path)
        plan = json.loads((model.parent / "plan.json").read_text(encoding="utf-8"))
        structure = codes.SCT.MorphologicallyAbnormalStructure
        segments = [
            SegmentDescription(name, structure, structure, algorithm_name=model.parents[1].name, algorithm_version="1")
            for name in plan["class_names"][1:]
        ]
        once = CountCondition(self, 1)  # without it the application begins again, for ever
        load = DICOMDataLoaderOperator(self, once, input_folder=Path(context.input_path), name="load")
        select = DICOMSeriesSelectorOperator(self, rules=ONE_SERIES, name="select")
        volume = DICOMSeriesToVolumeOperator(self, name="volume")
        segment = MonaiBundleInferenceOperator(
            self,
            input_mapping=[IOMapping("image", Image, IOType.IN_MEMORY)],
            output_mapping=[IOMapping("pred", Image, IOType.IN_MEMORY)],
            app_context=context,
            bundle_config_names=BundleConfigNames(config_names=CONFIGS),
            name="segment",
        )
        write = DICOMSegmentationWriterOperator(
            self, segment_descriptions=segments, output_folder=Path(context.output_path), name="write"
        )
        self.add_flow(load, select, {("dicom_study_list", "dicom_study_list")})
        self.add_flow(select, volume, {("study_selected_series_list", "study_selected_series_list")})
        self.add_flow(volume, segment, {("image", "image")})
        self.add_flow(select, write, {("study_selected_series_list", "study_selected_series_list")})
        self.add_flow(segment, write, {("pred", "seg_image")})


if __name__ == "__main__":
    SegmentSeries().run()
