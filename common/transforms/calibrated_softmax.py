"""Logits of classes that exclude each other become probabilities, by a temperature."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.errors import InputError
from common.planes import planes

__all__ = ["CalibratedSoftmaxd"]


class CalibratedSoftmaxd(MapTransform):
    r"""Probabilities of logits that are divided by a temperature.

    $$ p_c = \frac{e^{z_c / T}}{\sum_k e^{z_k / T}} $$

    and of one channel, that of the foreground, $p = 1 / (1 + e^{-z / T})$. Of probabilities q of all classes the logits
    are $z = \log q$.

    Args:
        keys: logits ``(C, *spatial)``, or with ``probabilities`` probabilities that sum to 1.
        temperature: T > 0, see `common.decision.fit_temperature`. Several are those of the members of a
            `common.networks.Ensemble`, which has divided by them already: nothing is left to divide by. An average of
            probabilities has no members' logits, so that there they must be 1.
        probabilities: whether the keys hold probabilities.

    Raises:
        InputError: the temperature is not positive and finite, or there are several for an average of probabilities.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, section 4.2.

    Example:
        >>> CalibratedSoftmaxd("pred", temperature=2.0)({"pred": torch.tensor([[0.0], [2.0]])})["pred"]
        tensor([[0.2689],
                [0.7311]])
    """

    def __init__(
        self, keys: KeysCollection, temperature: float | Sequence[float] = 1.0, probabilities: bool = False
    ) -> None:
        super().__init__(keys)
        if isinstance(temperature, Sequence):
            if probabilities and set(temperature) != {1.0}:
                raise InputError(
                    "temperature: the average of several networks' probabilities has no temperature of its own; give "
                    f"none, or one network in ckpt_dir, got {', '.join(map(str, temperature))}."
                )
            temperature = 1.0
        if not 0 < temperature < math.inf:
            raise InputError(f"temperature: expected a positive number, got {temperature}.")
        self.temperature, self.probabilities = temperature, probabilities

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            logits = torch.as_tensor(item[key])
            plain = logits.as_subclass(torch.Tensor).float()
            if not (self.probabilities and self.temperature == 1):
                plain = self._scaled(plain)
            item[key] = convert_to_dst_type(plain, logits, dtype=torch.float32)[0]
        return item

    def _scaled(self, values: torch.Tensor) -> torch.Tensor:
        result, first = torch.empty_like(values), 0
        for part in planes(values):
            scaled = (part.clamp_min(0).log() if self.probabilities else part) / self.temperature
            where = slice(first, first := first + part.shape[1])
            result[:, where] = scaled.sigmoid() if len(scaled) == 1 else scaled.softmax(0)
        return result
