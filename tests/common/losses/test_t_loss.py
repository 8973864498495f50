"""T-Loss against SciPy's Student-t distribution and against equation 4 written out in float64."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy.optimize import minimize_scalar
from scipy.special import digamma, expit
from scipy.stats import multivariate_t

from common.errors import ArgumentError
from common.losses import TLoss
from common.losses.t_loss import student_t_negative_log_likelihood


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def draw_label(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=dtype).round()


def equation_4(squared_error: float, dimension: int, nu: float) -> float:
    return (
        -math.lgamma((nu + dimension) / 2)
        + math.lgamma(nu / 2)
        + dimension / 2 * math.log(math.pi * nu)
        + (nu + dimension) / 2 * math.log(1 + squared_error / nu)
    )


def slope_in_nu_tilde(squared_error: float, dimension: int, nu: float) -> float:
    """dL/dν̃ = ν dL/dν by hand, from terms that do not cancel."""
    slope = (
        digamma(nu / 2)
        - digamma((nu + dimension) / 2)
        + math.log1p(squared_error / nu)
        + (dimension - squared_error) / (nu + squared_error)
    )
    return nu * slope / 2


@pytest.mark.parametrize("spatial", [(5, 4), (3, 2, 4), (1, 1), (7,)], ids=str)
@pytest.mark.parametrize("nu_tilde", [-3.0, 0.0, 2.5])
def test_values_are_those_of_scipy(spatial: tuple[int, ...], nu_tilde: float) -> None:
    logits, label = draw(3, 2, *spatial), draw_label(3, 2, *spatial)
    loss = TLoss(nu_tilde, sigmoid=True, reduction="none").double()(logits, label)
    assert loss.dtype == torch.float64 and loss.shape == (3,)
    size, nu = math.prod(spatial), math.exp(nu_tilde) + 1e-8
    for image, expected in enumerate(loss.tolist()):
        density = sum(
            multivariate_t(expit(logits[image, c].numpy().ravel()), np.eye(size), df=nu).logpdf(label[image, c].ravel())
            for c in range(2)
        )
        assert -density == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("spatial", [(256, 256), (16, 64, 64)], ids=str)
@pytest.mark.parametrize("nu_tilde", [-4.0, 0.0, 5.0, 14.0])
def test_float32_images_are_as_precise_as_float64(spatial: tuple[int, ...], nu_tilde: float) -> None:
    """The published code's gradient of ν is off by 0.3 % (ν̃ = 0) to 28 % (ν̃ = 14) at D = 65,536."""
    logits, label = draw(2, 1, *spatial, dtype=torch.float32), draw_label(2, 1, *spatial, dtype=torch.float32)
    loss = TLoss(nu_tilde, sigmoid=True, reduction="sum")
    value = loss(logits, label)
    value.backward()
    errors = ((expit(logits.double()) - label.double()) ** 2).sum((1, *range(2, logits.ndim))).tolist()
    size, nu = math.prod(spatial), math.exp(nu_tilde) + 1e-8
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(sum(equation_4(error, size, nu) for error in errors), rel=1e-6)
    assert float(loss.nu_tilde.grad) == pytest.approx(
        sum(slope_in_nu_tilde(error, size, nu) for error in errors), rel=1e-5
    )


@pytest.mark.parametrize("size", [64, 65_536, 512 * 512 * 128])
@pytest.mark.parametrize("nu_tilde", [-4.0, 0.0, 8.0])
def test_the_sign_of_the_gradient_of_nu(size: int, nu_tilde: float) -> None:
    """On both sides of the squared error at which ν̃ is at rest."""
    nu = math.exp(nu_tilde)
    resting = _root(lambda error: slope_in_nu_tilde(error, size, nu), 1e-6, size)
    for factor in (0.99, 1.01):
        parameter = torch.tensor(nu_tilde, requires_grad=True)
        error = torch.tensor(factor * resting)
        student_t_negative_log_likelihood(error, size, parameter.double().exp()).backward()
        expected = slope_in_nu_tilde(float(error), size, nu)
        assert math.copysign(1, float(parameter.grad)) == math.copysign(1, expected)
        assert float(parameter.grad) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("size", [1, 64, 65_536])
@pytest.mark.parametrize("nu_tilde", [7.5, 7.7, 14.0, 30.0, 60.0, 100.0])  # Stirling's series begins at 7.6
def test_large_nu_with_fifty_digits(size: int, nu_tilde: float) -> None:
    """Value and gradient of ν̃ to rounding errors of terms of the order of D, where log Γ alone has lost all digits."""
    error = 0.3 * size
    parameter = torch.tensor(nu_tilde, dtype=torch.float64, requires_grad=True)
    value = student_t_negative_log_likelihood(torch.tensor(error), size, parameter.exp())
    value.backward()

    def exact(x):
        nu, d = mpmath.exp(x), mpmath.mpf(size)
        constant = mpmath.loggamma(nu / 2) - mpmath.loggamma((nu + d) / 2) + d / 2 * mpmath.log(mpmath.pi * nu)
        return constant + (nu + d) / 2 * mpmath.log1p(float(torch.tensor(error)) / nu)

    with mpmath.workdps(120):
        expected, slope = float(exact(mpmath.mpf(nu_tilde))), float(mpmath.diff(exact, mpmath.mpf(nu_tilde)))
    assert value.item() == pytest.approx(expected, rel=1e-12)
    assert float(parameter.grad) == pytest.approx(slope, rel=1e-8, abs=1e-13 * size)


def _root(function, low: float, high: float) -> float:
    """Where ``function`` changes its sign, by bisection of the logarithm."""
    sign = function(low) > 0
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (function(middle) > 0) == sign else (low, middle)
    return low


def test_nu_comes_to_rest_where_the_likelihood_is_highest() -> None:
    errors = torch.tensor([3.0, 9.0, 16.0, 150.0, 400.0], dtype=torch.float64).view(-1, 1, 1)
    prediction = (errors / 16).sqrt().expand(-1, 1, 16)  # squared errors as listed
    loss = TLoss().double()
    optimizer = torch.optim.LBFGS(loss.parameters(), line_search_fn="strong_wolfe", max_iter=50)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(prediction, torch.zeros_like(prediction))
        value.backward()
        return value

    optimizer.step(closure)
    best = minimize_scalar(
        lambda x: (
            -sum(
                multivariate_t(np.zeros(16), np.eye(16), df=math.exp(x)).logpdf(image.numpy().ravel())
                for image in prediction
            )
        ),
        bounds=(-5, 10),
        method="bounded",
        options={"xatol": 1e-8},
    )
    assert loss.nu_tilde.item() == pytest.approx(best.x, abs=1e-4)


def test_the_limit_of_large_nu_is_half_the_squared_error() -> None:
    logits, label = draw(2, 1, 5, 6).requires_grad_(), draw_label(2, 1, 5, 6)
    TLoss(nu_tilde=25.0, sigmoid=True, reduction="sum")(logits, label).backward()
    gradient, logits.grad = logits.grad, None
    ((logits.sigmoid() - label) ** 2 / 2).sum().backward()
    torch.testing.assert_close(gradient, logits.grad, rtol=1e-8, atol=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(-5, 10))
def test_the_weight_of_an_image(seed: int, nu_tilde: float) -> None:
    """The gradient is that of half the squared error, times (ν + D)/(ν + δ²) of the image."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(3, 1, 4, 6, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.rand(3, 1, 4, 6, generator=generator, dtype=torch.float64)
    TLoss(nu_tilde, epsilon=0, reduction="sum").double()(prediction, target).backward()
    error = (prediction - target).detach()
    nu = math.exp(nu_tilde)
    weight = (nu + 24) / (nu + error.square().sum((1, 2, 3), keepdim=True))
    torch.testing.assert_close(prediction.grad, weight * error)


def test_a_wrong_image_pulls_less_than_under_the_squared_error() -> None:
    label = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
    prediction = torch.stack((label[0] + 0.1, label[1] + 0.9)).requires_grad_()
    TLoss()(prediction, label).backward()
    nearly_right, wrong = prediction.grad.abs().sum((1, 2, 3)).tolist()
    assert wrong < nearly_right  # the squared error's ratio is 9


@pytest.mark.parametrize("options", [{"sigmoid": True}, {"softmax": True}, {}], ids=["sigmoid", "softmax", "none"])
@pytest.mark.parametrize("spatial", [(3, 3), (2, 3, 2)], ids=["2-D", "3-D"])
def test_gradients(options: dict[str, bool], spatial: tuple[int, ...]) -> None:
    loss = TLoss(0.3, reduction="none", **options).double()
    logits, label = draw(2, 2, *spatial).requires_grad_(), draw_label(2, 2, *spatial)

    def function(logits: torch.Tensor, nu_tilde: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(loss, {"nu_tilde": nu_tilde}, (logits, label))

    nu_tilde = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (logits, nu_tilde))
    assert torch.autograd.gradgradcheck(function, (logits, nu_tilde))


def test_reductions_are_over_images() -> None:
    logits, label = draw(3, 2, 4, 5), draw_label(3, 2, 4, 5)
    values = TLoss(sigmoid=True, reduction="none")(logits, label)
    assert values.shape == (3,)
    torch.testing.assert_close(TLoss(sigmoid=True)(logits, label), values.mean())
    torch.testing.assert_close(TLoss(sigmoid=True, reduction="sum")(logits, label), values.sum())


def test_terms_of_the_classes_are_summed() -> None:
    logits, label = draw(2, 3, 4, 5), draw_label(2, 3, 4, 5)
    alone = [TLoss(sigmoid=True)(logits[:, [c]], label[:, [c]]) for c in range(3)]
    torch.testing.assert_close(TLoss(sigmoid=True)(logits, label), sum(alone))
    torch.testing.assert_close(TLoss(sigmoid=True, include_background=False)(logits, label), alone[1] + alone[2])
    probabilities = logits.softmax(1)
    foreground = TLoss()(probabilities[:, 1:], label[:, 1:])
    torch.testing.assert_close(TLoss(softmax=True)(logits, label), TLoss()(probabilities, label))
    torch.testing.assert_close(TLoss(softmax=True, include_background=False)(logits, label), foreground)


def test_an_image_and_its_slices_have_the_same_number_of_pixels() -> None:
    logits, label = draw(2, 1, 4, 6), draw_label(2, 1, 4, 6)
    flat = TLoss(sigmoid=True)(logits, label)
    torch.testing.assert_close(TLoss(sigmoid=True)(logits.view(2, 1, 2, 2, 6), label.view(2, 1, 2, 2, 6)), flat)


def test_class_indices_are_made_one_hot() -> None:
    logits = draw(2, 4, 3, 3)
    indices = torch.randint(4, (2, 1, 3, 3), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(indices[:, 0], 4).movedim(-1, 1)
    loss = TLoss(softmax=True, to_onehot_y=True)
    torch.testing.assert_close(loss(logits, indices), TLoss(softmax=True)(logits, one_hot))


def test_a_soft_target_is_where_the_loss_is_smallest() -> None:
    target = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits = target.logit().requires_grad_()
    loss = TLoss(sigmoid=True)
    loss(logits, target).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-12)
    assert loss(logits + 0.1, target) > loss(logits, target) < loss(logits - 0.1, target)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    logits = draw(2, 1, 512, 512).to(dtype).requires_grad_()
    label = draw_label(2, 1, 512, 512)
    loss = TLoss(sigmoid=True)
    value = loss(logits, label)
    value.backward()
    assert value.dtype == torch.float32 and value.isfinite() and abs(value.item()) > torch.finfo(torch.float16).max
    assert logits.grad is not None and logits.grad.dtype == dtype and logits.grad.isfinite().all()
    assert loss.nu_tilde.grad is not None and loss.nu_tilde.grad.isfinite()
    torch.testing.assert_close(value, TLoss(sigmoid=True)(logits.float(), label))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(TLoss(sigmoid=True)(logits, label), value)


@pytest.mark.parametrize("options", [{"sigmoid": True}, {"softmax": True}], ids=["sigmoid", "softmax"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_saturated_pixels_have_finite_values_and_gradients(dtype: torch.dtype, options: dict[str, bool]) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype=dtype)[None].requires_grad_()
    loss = TLoss(**options)
    value = loss(logits, torch.tensor([[[1.0, 1.0, 0.5], [0.0, 1.0, 0.0]]]))
    value.backward()
    assert value.isfinite() and logits.grad is not None and logits.grad.isfinite().all()
    assert loss.nu_tilde.grad is not None and loss.nu_tilde.grad.isfinite()


def test_a_perfect_prediction_has_a_finite_loss() -> None:
    label = draw_label(1, 1, 256, 256)
    loss = TLoss()
    value = loss(label, label)
    value.backward()
    assert value.item() == pytest.approx(equation_4(0, 65_536, 1 + 1e-8), rel=1e-12)
    assert float(loss.nu_tilde.grad) == pytest.approx(slope_in_nu_tilde(0, 65_536, 1.0), rel=1e-6)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_training_with_four_classes_is_stable(activation: str) -> None:
    """Every step is finite, the loss falls, and the wrong quarter of the images is not learned."""
    generator = torch.Generator().manual_seed(0)
    row, column = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    clean = (2 * (row // 8) + column // 8).expand(8, 1, 16, 16).clone()
    noisy = clean.clone()
    noisy[:2] = (clean[:2] + 1) % 4
    logits = torch.randn(1, 4, 16, 16, generator=generator).requires_grad_()
    loss = TLoss(to_onehot_y=True, **{activation: True})
    optimizer = torch.optim.Adam([logits, *loss.parameters()], lr=0.1)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(logits.expand(8, -1, -1, -1), noisy)
        value.backward()
        optimizer.step()
        values.append(value.item())
        assert math.isfinite(values[-1]) and logits.isfinite().all() and loss.nu.isfinite()
    assert values[-1] < values[30] < values[10] < values[0]
    assert (logits.argmax(1, keepdim=True) == clean[:1]).float().mean() > 0.99


def test_nu_is_a_parameter() -> None:
    loss = TLoss(nu_tilde=2.0, epsilon=0.5)
    assert isinstance(loss.nu_tilde, torch.nn.Parameter)
    assert loss.nu.item() == pytest.approx(math.exp(2) + 0.5, rel=1e-12)
    assert list(loss.state_dict()) == ["nu_tilde"]
    other = TLoss(epsilon=0.5)
    other.load_state_dict(loss.state_dict())
    assert other.nu == loss.nu
    loss.nu.backward()
    assert float(loss.nu_tilde.grad) == pytest.approx(math.exp(2))


def test_hard_labels_of_any_dtype() -> None:
    logits, label = draw(2, 1, 4, 4, dtype=torch.float32), draw_label(2, 1, 4, 4)
    losses = [TLoss(sigmoid=True)(logits, label.to(dtype)) for dtype in (torch.bool, torch.uint8, torch.float64)]
    assert losses[0] == losses[1] == losses[2] and losses[0].dtype == torch.float32


def test_meta_tensors_give_a_plain_tensor() -> None:
    logits, label = draw(1, 1, 4, 4).requires_grad_(), draw_label(1, 1, 4, 4)
    value = TLoss(sigmoid=True)(MetaTensor(logits), MetaTensor(label))
    value.backward()
    assert type(value) is torch.Tensor and logits.grad is not None and logits.grad.abs().sum() > 0


def test_nothing_to_compare() -> None:
    batch = torch.zeros(0, 1, 4, 4)
    assert TLoss()(batch, batch).isnan()
    assert TLoss(reduction="sum")(batch, batch) == 0
    assert TLoss(reduction="none")(batch, batch).shape == (0,)
    image = torch.zeros(2, 1, 0, 4)
    assert TLoss()(image, image) == 0


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="TLoss: expected sigmoid or softmax, got both"):
        TLoss(sigmoid=True, softmax=True)
    with pytest.raises(ArgumentError, match="mean, sum or none, got 'median'"):
        TLoss(reduction="median")
    for value in (float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match=f"nu_tilde: .*got {value}"):
            TLoss(nu_tilde=value)
    for value in (-1e-8, float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match=f"epsilon: .*got {value}"):
            TLoss(epsilon=value)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"\(2, 1, 4, 5\).*got \(2, 1, 5, 4\)"):
        TLoss()(torch.zeros(2, 1, 4, 5), torch.zeros(2, 1, 5, 4))
    with pytest.raises(ArgumentError, match=r"include_background: .*got \(2, 1, 4, 5\)"):
        TLoss(include_background=False)(torch.zeros(2, 1, 4, 5), torch.zeros(2, 1, 4, 5))
    with pytest.raises(ArgumentError, match=r"softmax: .*got \(2, 1, 4, 5\)"):
        TLoss(softmax=True)(torch.zeros(2, 1, 4, 5), torch.zeros(2, 1, 4, 5))
