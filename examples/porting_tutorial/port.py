"""Qwen3 in Python MLX, its modules named as in the checkpoint."""

import mlx.core as mx
import mlx.nn as nn

HEADS, KEY_VALUE_HEADS, HEAD_DIM = 6, 2, 16
THETA, EPS = 10000.0, 1e-6


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(width, HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(width, KEY_VALUE_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(width, KEY_VALUE_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, width, bias=False)
        self.q_norm = nn.RMSNorm(HEAD_DIM, eps=EPS)
        self.k_norm = nn.RMSNorm(HEAD_DIM, eps=EPS)

    def __call__(self, hidden_states: mx.array) -> mx.array:
        batch, tokens, _ = hidden_states.shape
        q = self.q_norm(self.q_proj(hidden_states).reshape(batch, tokens, HEADS, HEAD_DIM)).swapaxes(1, 2)
        k = self.k_norm(self.k_proj(hidden_states).reshape(batch, tokens, KEY_VALUE_HEADS, HEAD_DIM)).swapaxes(1, 2)
        v = self.v_proj(hidden_states).reshape(batch, tokens, KEY_VALUE_HEADS, HEAD_DIM).swapaxes(1, 2)
        q = mx.fast.rope(q, HEAD_DIM, traditional=False, base=THETA, scale=1.0, offset=0)
        k = mx.fast.rope(k, HEAD_DIM, traditional=False, base=THETA, scale=1.0, offset=0)
        out = mx.fast.scaled_dot_product_attention(q, k, v, scale=HEAD_DIM**-0.5, mask="causal")
        out = out.reshape(batch, tokens, HEADS * HEAD_DIM)
        return self.o_proj(out)


class MLP(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        return self.down_proj(nn.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.self_attn = Attention(width)
        self.mlp = MLP(width, inner)
        self.input_layernorm = nn.RMSNorm(width, eps=EPS)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=EPS)

    def __call__(self, hidden_states: mx.array) -> mx.array:
        hidden_states = hidden_states + self.self_attn(self.input_layernorm(hidden_states))
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))


class Qwen3(nn.Module):
    def __init__(self, vocabulary: int = 97, width: int = 48, inner: int = 96, layers: int = 2) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, width)
        self.layers = [Layer(width, inner) for _ in range(layers)]
        self.norm = nn.RMSNorm(width, eps=EPS)

    def __call__(self, input_ids: mx.array) -> mx.array:
        hidden_states = self.embed_tokens(input_ids)
        for layer in self.layers:
            hidden_states = layer(hidden_states)
        return self.norm(hidden_states)
