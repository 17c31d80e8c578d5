"""TransVG in PyTorch, for ground.py: written from the paper and the names of its published weights, around torchvision's ResNet-50 and
transformers' BERT. Makes it with random weights, or runs it on command (see src/commands.rs)."""

import argparse
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FrozenBatchNorm2d
from transformers import BertConfig, BertModel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "networks"))
import peers  # noqa: E402

SEED, FILE = 20240, "input.safetensors"
SIDE, LENGTH, WIDTH, HEADS, FFN, LAYERS, WORDS = 640, 20, 256, 8, 2048, 6, 30522


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(WIDTH, FFN), nn.Linear(FFN, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x, positions, hidden):
        q = x + positions
        # Without weights to give back, PyTorch takes its fused attention.
        x = self.norm1(x + self.self_attn(q, q, x, key_padding_mask=hidden, need_weights=False)[0])
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, x, positions, hidden):
        for layer in self.layers:
            x = layer(x, positions, hidden)
        return x


class Body(nn.Module):
    """For the names of DETR's code."""

    def __init__(self):
        super().__init__()
        resnet = torchvision.models.resnet50(norm_layer=FrozenBatchNorm2d)
        self.body = IntermediateLayerGetter(resnet, {"layer4": "map"})

    def forward(self, images):
        return self.body(images)["map"]


def sines(rows, columns):
    """DETR's positions of a map without padding: [1, tokens, width]."""
    each = WIDTH // 2
    frequency = 10000 ** (2 * torch.div(torch.arange(each), 2, rounding_mode="floor") / each)

    def along(count):
        angle = torch.arange(1, count + 1)[:, None] / (count + 1e-6) * 2 * math.pi / frequency
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)

    y, x = along(rows)[:, None].expand(-1, columns, -1), along(columns)[None].expand(rows, -1, -1)
    return torch.cat([y, x], 2).flatten(0, 1)[None]


class Visual(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(Body())
        self.input_proj = nn.Conv2d(2048, WIDTH, 1)
        self.transformer = nn.ModuleDict({"encoder": Encoder()})

    def forward(self, images):
        x = self.input_proj(self.backbone(images))
        return self.transformer["encoder"](x.flatten(2).transpose(1, 2), sines(*x.shape[2:]), None)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 4)])

    def forward(self, x):
        return self.layers[2](F.relu(self.layers[1](F.relu(self.layers[0](x))))).sigmoid()


class TransVg(nn.Module):
    def __init__(self):
        super().__init__()
        self.visumodel = Visual()
        self.textmodel = nn.ModuleDict({"bert": BertModel(BertConfig(vocab_size=WORDS), add_pooling_layer=False)})
        self.visu_proj, self.text_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(768, WIDTH)
        self.reg_token, self.vl_pos_embed = nn.Embedding(1, WIDTH), nn.Embedding(1 + LENGTH + (SIDE // 32) ** 2, WIDTH)
        self.vl_transformer, self.bbox_embed = Encoder(), Head()

    def encode(self, images):
        return self.visu_proj(self.visumodel(images))

    def ground(self, visual, ids, mask):
        """Boxes of phrases in the one image."""
        text = self.text_proj(self.textmodel["bert"](ids, attention_mask=mask).last_hidden_state)
        phrases, seen = len(ids), visual.shape[1]
        x = torch.cat([self.reg_token.weight[None].expand(phrases, -1, -1), text, visual.expand(phrases, -1, -1)], 1)
        hidden = torch.cat([torch.zeros(phrases, 1, dtype=torch.bool), mask == 0, torch.zeros(phrases, seen, dtype=torch.bool)], 1)
        return self.bbox_embed(self.vl_transformer(x, self.vl_pos_embed.weight[None], hidden)[:, 0])


def prepare(folder, phrases):
    """Writes config.json, model.safetensors and the input."""
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    model = TransVg().eval()
    # Random residual branches would grow with the depth: frozen batch norms do not tame them.
    for name, buffer in model.named_buffers():
        if name.endswith("bn3.weight"):
            buffer.fill_(0.2)
    # Fresh weights say the same of every phrase and image, which would hide differences: sharper attention, steeper projections and head.
    for name, values in model.named_parameters():
        factor = {"in_proj_weight": 3, "input_proj.weight": 8}.get(name.rpartition("transformer.")[2].rpartition("self_attn.")[2].removeprefix("visumodel."), 1)
        values.data *= 4 if name.startswith("bbox_embed") and name.endswith("weight") else factor
    layers = {"num_layers": LAYERS, "width": WIDTH, "heads": HEADS, "ffn": FFN, "dropout": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.1}
    vision = {"model_type": "resnet", "num_channels": 3, "embedding_size": 64, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3],
              "layer_type": "bottleneck", "hidden_act": "relu", "out_features": ["stage4"], "dilation": False, "weight_names": "torchvision"}
    config = {"model_type": "transvg", "vision": vision, "text": model.textmodel["bert"].config.to_dict(), "encoder": layers, "fusion": layers,
              "image_size": SIDE, "text_tokens": LENGTH}
    (folder / "config.json").write_text(json.dumps(config))
    state = {name: values for name, values in model.state_dict().items() if not name.endswith("position_ids")}
    save_file({name: values.contiguous() for name, values in state.items()}, folder / "model.safetensors")
    lengths = torch.randint(4, LENGTH + 1, (phrases, 1))
    mask = (torch.arange(LENGTH)[None] < lengths).long()
    ids = torch.randint(1000, WORDS, (phrases, LENGTH)) * mask
    save_file({"pixel_values": torch.randn(1, 3, SIDE, SIDE), "input_ids": ids, "attention_mask": mask}, folder / FILE)


def serve(folder, threads, keep):
    from safetensors.torch import load_file, save_file

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    model = TransVg()
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    model.eval()
    given = load_file(folder / FILE)
    with torch.inference_mode():
        kept = model.encode(given["pixel_values"]) if keep else None

    @torch.inference_mode()
    def ground():
        visual = model.encode(given["pixel_values"]) if kept is None else kept
        return model.ground(visual, given["input_ids"], given["attention_mask"])

    def save(path):
        save_file({"output": ground().contiguous()}, path)
        return "saved"

    peers.serve(f"{torch.__version__}, {threads} threads", lambda _: ground(), {"save": save})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["prepare", "torch"])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--phrases", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    peers.quiet()
    if args.role == "prepare":
        prepare(args.folder, args.phrases)
    else:
        serve(args.folder, args.threads, args.keep)


if __name__ == "__main__":
    main()
