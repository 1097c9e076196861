"""Train AutoencoderKLFlux2 on the emoji, and measure it."""

import math
import time

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLFlux2
from torch import Tensor

from config import HELD_OUT_EVERY

BATCH = 64
PEAK_RATE = 1e-3
KL_WEIGHT, EDGE_WEIGHT, SQUARE_WEIGHT = 1e-3, 0.2, 1.0
EMA_DECAY = 0.999


def held_out(count: int, device: torch.device) -> Tensor:
    """Mask of the emoji the autoencoder never trains on."""
    return torch.arange(count, device=device) % HELD_OUT_EVERY == 0


def to_float(pictures: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] to float [B, 3, H, W] in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def warp(x: Tensor, plain: Tensor) -> Tensor:
    """Whole-pixel shifts and flips of `plain` rows; the others are scaled, turned and shifted freely."""
    n, size, device = len(x), x.shape[-1], x.device

    def span(low: float, high: float) -> Tensor:
        return torch.rand(n, device=device) * (high - low) + low

    angle = torch.where(plain, 0.0, span(-0.4, 0.4))
    scale = torch.where(plain, 1.0, torch.exp(span(-0.4, 0.4)))
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    shift = [torch.where(plain, (span(-6, 6)).round() * 2 / size, span(-0.25, 0.25)) for _ in range(2)]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cos * flip, -sin, shift[0]], 1), torch.stack([sin * flip, cos, shift[1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x - 1, grid, align_corners=False).clamp(-2, 0) + 1


def augment(x: Tensor) -> Tensor:
    """Half of the batch stays close to the originals; the rest is warped, tinted, recoloured and overlaid."""
    n, device = len(x), x.device
    plain = torch.rand(n, device=device) < 0.5
    y = (warp(x, plain) + 1) / 2
    permuted = y[:, torch.randperm(3, device=device)]
    strength = torch.empty(n, 3, 1, 1, device=device).uniform_(0.6, 1.1)
    free = 1 - (1 - permuted) * strength
    tinted = torch.rand(n, 1, 1, 1, device=device) < 0.3
    free = torch.where(tinted, free * torch.empty(n, 3, 1, 1, device=device).uniform_(0.3, 1), free)
    overlaid = torch.rand(n, 1, 1, 1, device=device) < 0.4
    free = torch.where(overlaid, free * y.flip(0), free)
    return torch.where(plain[:, None, None, None], y, free).clamp(0, 1) * 2 - 1


def edges(x: Tensor) -> Tensor:
    """Sobel gradients of every channel, both directions."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=x.device)
    both = torch.stack([kernel, kernel.T])[:, None]
    return F.conv2d(x.flatten(0, 1)[:, None], both)


def moments(vae: AutoencoderKLFlux2, x: Tensor) -> tuple[Tensor, Tensor]:
    mean, log_variance = vae.quant_conv(vae.encoder(x)).float().chunk(2, 1)
    return mean, log_variance.clamp(-12, 4)


def round_trip(vae: AutoencoderKLFlux2, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean, log_variance = moments(vae, x)
    z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
    return vae.decoder(vae.post_quant_conv(z)).float(), mean, log_variance


def loss_of(x: Tensor, y: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    pixels = (x - y).abs().mean() + SQUARE_WEIGHT * F.mse_loss(y, x)
    return pixels + EDGE_WEIGHT * (edges(x) - edges(y)).abs().mean() + KL_WEIGHT * kl


def rate(fraction: float, step: int, peak: float, warm: int) -> float:
    """Linear warm-up, then half a cosine over the time budget."""
    return peak * min(1.0, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, fraction))) + 1e-6


def train(vae: AutoencoderKLFlux2, pictures: Tensor, seconds: float, compiled: bool) -> int:
    """Train for a time budget, leave the averaged weights rounded to bfloat16 in `vae`; returns the step count."""
    device = pictures.device
    pool = pictures[~held_out(len(pictures), device)]
    vae.to(memory_format=torch.channels_last)
    forward = torch.compile(round_trip) if compiled else round_trip
    parameters = list(vae.parameters())
    average = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    start, step = time.time(), 0
    while (elapsed := time.time() - start) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = rate(elapsed / seconds, step, PEAK_RATE, 200)
        x = augment(to_float(pool[torch.randint(len(pool), (BATCH,), device=device)]))
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            y, mean, log_variance = forward(vae, x)
        loss = loss_of(x, y, mean, log_variance)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - min(EMA_DECAY, step / (step + 10)))
        if step % 500 == 0:
            print(f"vae {step} loss {loss.item():.4f} {elapsed:.0f} s", flush=True)
    with torch.no_grad():
        for p, mean_of_p in zip(parameters, average, strict=True):
            p.copy_(mean_of_p.bfloat16())
    vae.eval().requires_grad_(False)
    return step


def patchify(z: Tensor) -> Tensor:
    """[B, C, H, W] to [B, 4C, H/2, W/2], as Flux2KleinPipeline does."""
    b, c, h, w = z.shape
    return z.view(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(b, c * 4, h // 2, w // 2)


@torch.no_grad()
def encode_all(vae: AutoencoderKLFlux2, pictures: Tensor) -> Tensor:
    """The mean latents of every picture, float32 [N, C, h, w]."""
    return torch.cat([moments(vae, to_float(part))[0] for part in pictures.split(BATCH)])


@torch.no_grad()
def set_latent_statistics(vae: AutoencoderKLFlux2, latents: Tensor) -> None:
    """Fill `bn` with the statistics of the patchified latents, rounded to bfloat16 like every shipped value."""
    patches = patchify(latents)
    vae.bn.running_mean.copy_(patches.mean((0, 2, 3)).bfloat16())
    vae.bn.running_var.copy_(patches.var((0, 2, 3)).bfloat16())
    vae.bn.num_batches_tracked.fill_(1)


def tokens(vae: AutoencoderKLFlux2, latents: Tensor) -> Tensor:
    """Normalised, packed latents [N, tokens, 4C]: what the transformer works on."""
    mean = vae.bn.running_mean[None, :, None, None]
    deviation = torch.sqrt(vae.bn.running_var + vae.config.batch_norm_eps)[None, :, None, None]
    return ((patchify(latents) - mean) / deviation).flatten(2).transpose(1, 2).contiguous()


@torch.no_grad()
def psnr(vae: AutoencoderKLFlux2, pictures: Tensor, latents: Tensor) -> Tensor:
    """PSNR in dB of every picture's 8-bit reconstruction."""
    each = []
    for part, z in zip(pictures.split(BATCH), latents.split(BATCH), strict=True):
        y = ((vae.decoder(vae.post_quant_conv(z)) / 2 + 0.5).clamp(0, 1) * 255).round()
        error = ((y - part.permute(0, 3, 1, 2).float()) ** 2).mean((1, 2, 3)).clamp_min(1e-4)
        each.append(10 * torch.log10(255**2 / error))
    return torch.cat(each)
