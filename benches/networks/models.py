"""The networks: made with random weights, with their inputs, and how transformers or torchvision run them."""

import dataclasses
import json

SEED = 20240
FILE = "input.safetensors"


@dataclasses.dataclass(frozen=True)
class Model:
    """A network, and what of it is run unless asked for otherwise."""

    # As bench-network calls it.
    network: str
    make: callable
    # Sides of images in pixels, or lengths of sequences.
    sizes: list
    batches: list
    # Of training steps, at the first size; none unless asked for.
    training: list
    # Left out at this size unless asked for: it takes minutes.
    long: dict = dataclasses.field(default_factory=dict)
    # Of losses and gradients between libraries, relative.
    training_tolerance: float = 1e-3


def dinov2(width, heads, layers=12):
    def make():
        from transformers import Dinov2Config, Dinov2Model

        sizes = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
        # The position table of the published networks: 518 px, to be resized.
        return Dinov2Model(Dinov2Config(**sizes, image_size=518, patch_size=14))

    return make


def segformer(depths, hidden_sizes, decoder):
    def make():
        from transformers import SegformerConfig, SegformerForSemanticSegmentation

        sizes = {"depths": depths, "hidden_sizes": hidden_sizes, "decoder_hidden_size": decoder}
        # Random choices in training would be others in each library.
        config = SegformerConfig(**sizes, num_labels=150, drop_path_rate=0.0, classifier_dropout_prob=0.0)
        return SegformerForSemanticSegmentation(config)

    return make


def bert(width, heads, layers, vocabulary):
    def make():
        from transformers import BertConfig, BertModel

        sizes = {"hidden_size": width, "num_attention_heads": heads, "num_hidden_layers": layers}
        no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        config = BertConfig(vocab_size=vocabulary, intermediate_size=4 * width, **sizes, **no_dropout)
        return BertModel(config, add_pooling_layer=False)

    return make


def resnet50():
    import torch
    import torchvision

    model = torchvision.models.resnet50()
    model.fc = torch.nn.Identity()
    return model


B0, B4 = [2, 2, 2, 2], [3, 8, 27, 3]
MODELS = {
    "ViT-S/14": Model("vit", dinov2(384, 6), [224, 518], [1, 8, 32], [8]),
    "ViT-B/14": Model("vit", dinov2(768, 12), [224, 518], [1, 8, 32], [8], {518: [32]}),
    "SegFormer-B0": Model("segformer", segformer(B0, [32, 64, 160, 256], 256), [512], [1, 2], [2]),
    "SegFormer-B4": Model("segformer", segformer(B4, [64, 128, 320, 512], 768), [512], [1], [1]),
    "BERT-base": Model("bert", bert(768, 12, 12, 30522), [32], [1, 8], [8]),
    # Fresh batch norms amplify roundings: PyTorch's own gradient norms in f32, with one or two threads and with or without oneDNN, are 8e-4
    # apart at the first step and 2e-3 at the third.
    "ResNet-50": Model("resnet", resnet50, [224], [1, 8], [8], training_tolerance=5e-3),
    "sequence": Model("sequence", bert(768, 12, 12, 2), [240], [1, 4], [4]),
    # To try the benchmark itself; not run unless asked for.
    "tiny ViT": Model("vit", dinov2(48, 3, 2), [224], [], []),
    "tiny SegFormer": Model("segformer", segformer([1, 1, 1, 1], [8, 16, 40, 64], 32), [64], [], []),
    "tiny BERT": Model("bert", bert(48, 3, 2, 100), [32], [], []),
    "tiny sequence": Model("sequence", bert(48, 3, 2, 2), [240], [], []),
}


def prepare(folder, name, size, batch):
    """Writes config.json, model.safetensors and the input, with targets for training."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    network = MODELS[name].network
    model = MODELS[name].make()
    spread(model)
    inputs = random_input(network, model, size, batch)
    settle_batch_norms(model, network, size)
    if network == "resnet":
        (folder / "config.json").write_text(json.dumps({"architecture": "resnet50"}))
        save_file(model.state_dict(), folder / "model.safetensors")
    else:
        model.save_pretrained(folder)
    with torch.inference_mode():
        output = run(network, model.eval(), inputs)
    (key, values), = inputs.items()
    targets = output.mean() + output.std() * torch.randn(output.shape)
    save_file({key: values, "targets": targets}, folder / FILE)


def random_input(network, model, size, batch):
    import torch

    if network == "bert":
        return {"input_ids": torch.randint(model.config.vocab_size, (batch, size))}
    if network == "sequence":
        return {"inputs_embeds": torch.randn(batch, size, model.config.hidden_size)}
    return {"pixel_values": images(batch, size)}


def images(batch, size):
    """Large shapes of random brightness, and noise: deep layers would see white noise as one grey."""
    import torch

    shapes = torch.nn.functional.interpolate(torch.randn(batch, 3, 5, 5), size=(size, size), mode="bilinear")
    return shapes + 0.5 * torch.randn(batch, 3, size, size)


def spread(model):
    """Lets attention scores and the input of activations spread by about 1, as in trained networks: times can depend on it.

    Layers that follow a layer norm are set; transformers' initial weights give them far smaller outputs.
    """
    import torch

    after_norm = ("query", "key", "fc1", "dense1", "intermediate.dense")
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and name.endswith(after_norm):
                module.weight /= module.weight.std() * module.in_features**0.5
            if name.endswith("dwconv.dwconv"):
                module.weight /= module.weight.std() * module.weight[0].numel() ** 0.5


def settle_batch_norms(model, network, size):
    """Gives batch norms the statistics of their input, as after training; those that end a residual branch add less than what comes in."""
    import torch

    norms = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    if not norms:
        return
    for name, norm in norms.items():
        norm.momentum = 1.0
        if name.endswith("bn3"):
            torch.nn.init.constant_(norm.weight, 0.5)
    with torch.inference_mode():
        run(network, model.train(), {"pixel_values": images(8, size)})
    for norm in norms.values():
        norm.momentum = 0.1


def load(folder, name):
    """The network that `prepare` wrote."""
    import transformers
    from safetensors.torch import load_file

    classes = {"vit": "Dinov2Model", "segformer": "SegformerForSemanticSegmentation"}
    network = MODELS[name].network
    if network == "resnet":
        model = resnet50()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model
    options = {"add_pooling_layer": False} if network in ("bert", "sequence") else {}
    return getattr(transformers, classes.get(network, "BertModel")).from_pretrained(folder, **options)


def run(network, model, inputs):
    """The output that is compared: tokens, logits, or the mean of the last map."""
    if network == "resnet":
        return model(inputs["pixel_values"])
    output = model(**inputs)
    return output.logits if network == "segformer" else output.last_hidden_state
