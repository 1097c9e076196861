"""Train the transformer and its text encoder together by flow matching on the pipeline's own inputs."""

import math
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import Flux2Transformer2DModel
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from torch import Tensor, nn
from transformers import Qwen3ForCausalLM

from config import OUT_LAYERS, STEPS
from vae import rate

BATCH = 512
PEAK_RATE = 1.2e-3
EMA_DECAY = 0.9995
LANGUAGE_ROWS, LANGUAGE_WEIGHT = 64, 0.02


@dataclass
class Captions:
    ids: Tensor
    """[N, variants, L], int64"""
    mask: Tensor
    """[N, variants, L], bool"""


class Denoiser(nn.Module):
    """Prompt ids and noisy tokens to velocity, as Flux2KleinPipeline wires the two models."""

    def __init__(
        self, text_encoder: Qwen3ForCausalLM, transformer: Flux2Transformer2DModel, side: int, length: int
    ) -> None:
        super().__init__()
        self.text_encoder, self.transformer = text_encoder, transformer
        one = torch.arange(1)
        image_ids = torch.cartesian_prod(one, torch.arange(side), torch.arange(side), one)
        self.register_buffer("image_ids", image_ids)
        self.register_buffer("text_ids", torch.cartesian_prod(one, one, one, torch.arange(length)))

    def forward(self, x: Tensor, sigma: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Velocity [B, tokens, C] and the text encoder's last hidden state."""
        out = self.text_encoder.model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        text = torch.stack([out.hidden_states[k] for k in OUT_LAYERS], 2).flatten(2)
        velocity = self.transformer(
            hidden_states=x,
            encoder_hidden_states=text,
            timestep=sigma,
            img_ids=self.image_ids,
            txt_ids=self.text_ids,
            guidance=None,
            return_dict=False,
        )[0]
        return velocity, out.last_hidden_state


def shifted(sigma: Tensor, mu: float) -> Tensor:
    return math.exp(mu) / (math.exp(mu) + (1 / sigma - 1))


def draw_sigmas(count: int, mu: float, device: torch.device) -> Tensor:
    """Half spread over the pipeline's shifted schedule, half on the sigmas it visits in STEPS steps.

    The last visited sigma is drawn as often as the others together: from there the pipeline jumps to the picture.
    """
    visited = torch.randint(1, 2 * STEPS - 1, (count,), device=device).sub(STEPS - 2).clamp_min(1) / STEPS
    spread = torch.rand(count, device=device).clamp_min(1e-3)
    return shifted(torch.where(torch.rand(count, device=device) < 0.5, visited, spread), mu)


def language_loss(model: Denoiser, hidden: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Next-token loss on a few rows: it trains the layers past the last hidden state in use, and the final norm."""
    logits = model.text_encoder.lm_head(hidden[:LANGUAGE_ROWS, :-1]).float()
    return F.cross_entropy(logits[mask[:LANGUAGE_ROWS, 1:]], ids[:LANGUAGE_ROWS, 1:][mask[:LANGUAGE_ROWS, 1:]])


def step_loss(forward: nn.Module, model: Denoiser, clean: Tensor, captions: Captions, mu: float) -> tuple[Tensor, ...]:
    """One batch's flow-matching loss and language loss."""
    device = clean.device
    row = torch.randint(len(clean), (BATCH,), device=device)
    variant = torch.randint(captions.ids.shape[1], (BATCH,), device=device)
    ids, mask = captions.ids[row, variant], captions.mask[row, variant]
    noise = torch.randn(BATCH, *clean.shape[1:], device=device)
    sigma = draw_sigmas(BATCH, mu, device)
    x = torch.lerp(clean[row], noise, sigma[:, None, None])
    with torch.autocast(device.type, torch.bfloat16):
        velocity, hidden = forward(x, sigma, ids, mask)
        language = language_loss(model, hidden, ids, mask)
    return F.mse_loss(velocity.float(), noise - clean[row]), language


def train(model: Denoiser, clean: Tensor, captions: Captions, seconds: float, compiled: bool, peak: float) -> int:
    """Train for a time budget, leave the averaged weights in `model`; returns the step count."""
    mu = compute_empirical_mu(image_seq_len=clean.shape[1], num_steps=STEPS)
    forward = torch.compile(model) if compiled else model
    parameters = list(model.parameters())
    average = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.99), weight_decay=0.01, fused=compiled)
    start, step = time.time(), 0
    while (elapsed := time.time() - start) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = rate(elapsed / seconds, step, peak, 300)
        flow, language = step_loss(forward, model, clean, captions, mu)
        optimizer.zero_grad(set_to_none=True)
        (flow + LANGUAGE_WEIGHT * language).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - min(EMA_DECAY, (step + 1) / (step + 10)))
        if step % 500 == 0:
            print(f"flow {step} loss {flow.item():.4f} language {language.item():.3f} {elapsed:.0f} s", flush=True)
    with torch.no_grad():
        for p, mean_of_p in zip(parameters, average, strict=True):
            p.copy_(mean_of_p)
    return step
