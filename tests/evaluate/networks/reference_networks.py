"""Second opinions: the published networks, written anew with other parts.

Names and shapes are the published files'. Each is as plain as can be: no layout of memory, no
batching, loops where ours has none.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchlibrosa.stft import LogmelFilterBank, Spectrogram


def randomise(network, seed):
    """Weights of a size that keeps features alive; statistics that no layer has by chance."""
    generator = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        if "extractor" in name:
            continue  # Fourier and mel matrices
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator).mul_(0.1)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, std=0.1, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=1.0, generator=generator)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1, generator=generator)
    return network.eval().requires_grad_(False)


class ReferenceBlock(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, (3, 3), (1, 1), (1, 1), bias=False)
        self.conv2 = nn.Conv2d(after, after, (3, 3), (1, 1), (1, 1), bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


class ReferenceCnn14(nn.Module):
    """PANNs' Cnn14 with torchlibrosa's front-end, a clip at a time."""

    def __init__(self, config):
        super().__init__()
        self.spectrogram_extractor = Spectrogram(
            n_fft=config.fft_length,
            hop_length=config.hop_length,
            win_length=config.fft_length,
            window="hann",
            center=True,
            pad_mode="reflect",
        )
        self.logmel_extractor = LogmelFilterBank(
            sr=config.sample_rate,
            n_fft=config.fft_length,
            n_mels=64,
            fmin=config.low_hz,
            fmax=config.high_hz,
            ref=1.0,
            amin=1e-10,
            top_db=None,
        )
        self.bn0 = nn.BatchNorm2d(64)
        widths = [1, *(config.channels * 2**i for i in range(6))]
        for i in range(6):
            setattr(self, f"conv_block{i + 1}", ReferenceBlock(widths[i], widths[i + 1]))
        self.fc1 = nn.Linear(widths[-1], widths[-1])
        self.fc_audioset = nn.Linear(widths[-1], config.classes)

    @torch.no_grad()
    def forward(self, waveform):
        rows = [self._clip(clip[None]) for clip in waveform]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def _clip(self, clip):
        x = self.logmel_extractor(self.spectrogram_extractor(clip))
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for i in range(6):
            x = getattr(self, f"conv_block{i + 1}")(x)
            if i < 5:
                x = F.avg_pool2d(x, (2, 2))
        x = x.mean(dim=3)
        x = x.max(dim=2).values + x.mean(dim=2)
        embedding = torch.relu(self.fc1(x))
        return embedding, self.fc_audioset(embedding)


def htk_filters(rate, bins, bands, low, high):
    """Triangles between neighbouring edges, band by band and bin by bin."""

    def mel(f):
        return 1127.01048 * np.log(1.0 + f / 700.0)

    edges = np.linspace(mel(low), mel(high), bands + 2)
    filters = np.zeros((bins, bands))
    for k in range(bins):
        m = mel(k * rate / 2 / (bins - 1))
        for b in range(bands):
            left, centre, right = edges[b : b + 3]
            if left < m <= centre:
                filters[k, b] = (m - left) / (centre - left)
            elif centre < m < right:
                filters[k, b] = (right - m) / (right - centre)
    return filters


def vggish_examples(samples, hop=96):
    """Log-mel pieces of one sound [time] by numpy."""
    filters = htk_filters(16_000, 257, 64, 125.0, 7500.0)
    filters[0] = 0.0
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = []
    for start in range(0, len(samples) - 399, 160):
        magnitude = np.abs(np.fft.rfft(samples[start : start + 400] * window, 512))
        frames.append(np.log(magnitude @ filters + 0.01))
    starts = range(0, len(frames) - 95, hop)
    return np.stack([frames[s : s + 96] for s in starts])


def vggish_embeddings(state, examples):
    """The network of published names on [example, 96, 64], before the last ReLU."""
    x = examples[:, None]
    for group in ((0,), (3,), (6, 8), (11, 13)):
        for i in group:
            weight, bias = (state[f"features.{i}.{kind}"] for kind in ("weight", "bias"))
            x = torch.relu(F.conv2d(x, weight, bias, padding=1))
        x = F.max_pool2d(x, 2)
    # (channel, time, frequency) to (time, frequency, channel)
    x = x.permute(0, 2, 3, 1).reshape(len(x), 12_288)
    for i in (0, 2, 4):
        x = x @ state[f"embeddings.{i}.weight"].T + state[f"embeddings.{i}.bias"]
        x = torch.relu(x) if i < 4 else x
    return x


def aisfx_blocks(samples):
    """Log-mel blocks of one sound [time] by numpy."""
    filters = htk_filters(44_100, 1025, 96, 0.0, 22_050.0)
    filters /= filters.sum(axis=0)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2047)
    count = int(np.ceil(len(samples) / 1024)) + 1
    padded = np.concatenate([np.zeros(1024), samples, np.zeros(4096)])
    frames = [padded[k * 1024 : k * 1024 + 2048] * window for k in range(count)]
    power = np.abs(np.fft.rfft(frames)) ** 2
    spectrogram = np.log10(1e4 * (power @ filters) + 1) / 9.457798957824707
    if count < 100:
        spectrogram = np.concatenate([spectrogram, np.zeros((100 - count, 96))])
    starts = range(0, len(spectrogram) - 99, 50)
    return np.stack([spectrogram[s : s + 100] for s in starts])


def aisfx_embeddings(state, blocks):
    """The trunk of published names on [block, 100, 96]."""
    x = blocks[:, None]
    for i in range(1, 5):
        for j in (1, 2):
            name = f"embedding_net.conv_block{i}"
            x = F.conv2d(x, state[f"{name}.conv{j}.weight"], padding=1)
            of = {kind: state[f"{name}.bn{j}.{kind}"] for kind in NORM}
            x = F.batch_norm(x, of["running_mean"], of["running_var"], of["weight"], of["bias"])
            x = torch.relu(x)
        x = F.max_pool2d(x, 2) if i < 4 else x
    return x.mean(dim=3).max(dim=2).values


def aisfx_logits(state, head, embeddings):
    x = embeddings
    for i in (0, 2, 4):
        x = x @ state[f"fc.{head}.{i}.weight"].T + state[f"fc.{head}.{i}.bias"]
        x = torch.relu(x) if i < 4 else x
    return x


NORM = ("running_mean", "running_var", "weight", "bias")


def passt_spectrogram(samples):
    """Log-mel of one sound [time] by numpy."""
    emphasised = samples[1:] - 0.97 * samples[:-1]
    padded = np.pad(emphasised, 512, mode="reflect")
    window = np.zeros(1024)
    window[112:912] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799)
    count = len(emphasised) // 320 + 1
    frames = np.stack([padded[k * 320 : k * 320 + 1024] * window for k in range(count)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = power @ htk_filters(32_000, 513, 128, 0.0, 15_000.0)
    return ((np.log(mel + 1e-5) + 4.5) / 5).T


def passt_features(state, spectrogram, heads):
    """The transformer of published names on one [128, frame]: (features, logits)."""

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(x, name, eps):
        centred = x - x.mean(dim=-1, keepdim=True)
        deviation = (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()
        return centred / deviation * state[f"{name}.weight"] + state[f"{name}.bias"]

    kernel, bias = state["patch_embed.proj.weight"], state["patch_embed.proj.bias"]
    columns = (spectrogram.shape[1] - 16) // 10 + 1
    tokens = []
    for row in range(12):
        for column in range(columns):
            patch = spectrogram[row * 10 : row * 10 + 16, column * 10 : column * 10 + 16]
            token = (kernel[:, 0] * patch).sum(dim=(1, 2)) + bias
            token = token + state["freq_new_pos_embed"][0, :, row, 0]
            tokens.append(token + state["time_new_pos_embed"][0, :, 0, column])
    leading = [state[f"{kind}_token"][0, 0] for kind in ("cls", "dist")]
    leading = [token + state["new_pos_embed"][0, i] for i, token in enumerate(leading)]
    x = torch.stack([*leading, *tokens])
    size = x.shape[1] // heads
    block = 0
    while f"blocks.{block}.norm1.weight" in state:
        name = f"blocks.{block}"
        qkv = linear(norm(x, f"{name}.norm1", 1e-6), f"{name}.attn.qkv").split(x.shape[1], dim=1)
        heard = []
        for head in range(heads):
            query, key, value = (part[:, head * size : (head + 1) * size] for part in qkv)
            heard.append(torch.softmax(query @ key.T / size**0.5, dim=1) @ value)
        x = x + linear(torch.cat(heard, dim=1), f"{name}.attn.proj")
        hidden = linear(norm(x, f"{name}.norm2", 1e-6), f"{name}.mlp.fc1")
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        x = x + linear(hidden, f"{name}.mlp.fc2")
        block += 1
    x = norm(x, "norm", 1e-6)
    features = (x[0] + x[1]) / 2
    return features, linear(norm(features, "head.0", 1e-5), "head.1")
