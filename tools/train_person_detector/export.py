#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a checkpoint's averaged network as ONNX (opset 11, float32), with its labels and model-config.

Batch normalisation is folded into the convolutions by PyTorch's exporter, the input's normalisation by us:
the file takes BGR bytes as floats 0..255 and gives YOLOX's raw layout.
"""

import argparse
from pathlib import Path

import torch

from network import HEIGHT, WIDTH, PersonNet

CONFIG = """{
  "decoder": "yolox",
  "labels": ["person"],
  "threshold": %.2f,
  "iou_threshold": 0.45,
  "input": {
    "color": "BGR",
    "resize": "letterbox-top-left",
    "pad": 114,
    "mean": [0, 0, 0],
    "std": [1, 1, 1]
  }
}
"""


def fold_normalisation(net):
    """(x - 114) / 64 into the first convolution. Padding is seen through it too (PersonNet pads before): exact."""
    kernel, norm = net.stem[0][0], net.stem[0][1]
    with torch.no_grad():
        kernel.weight /= 64
        norm.running_mean += 114 * kernel.weight.sum((1, 2, 3))


def load(path):
    """The averaged network of a checkpoint, ready for export."""
    net = PersonNet(exported=True)
    net.load_state_dict(torch.load(path)["mean"])
    fold_normalisation(net)
    return net.eval()


def count_work(net):
    """Parameters after folding and GFLOP (two a multiply-add) of the convolutions."""
    work = [0]

    def add(layer, _, output):
        work[0] += 2 * layer.weight[0].numel() * output.numel()

    hooks = [m.register_forward_hook(add) for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    net(torch.zeros(1, 3, HEIGHT, WIDTH))
    for hook in hooks:
        hook.remove()
    convolutions = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    return sum(m.weight.numel() + m.out_channels for m in convolutions), work[0] / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder for person-detector.*")
    parser.add_argument("--threshold", type=float, default=0.5)
    options = parser.parse_args()
    net = load(options.checkpoint)
    options.output.mkdir(parents=True, exist_ok=True)
    model = options.output / "person-detector.onnx"
    torch.onnx.export(net, torch.zeros(1, 3, HEIGHT, WIDTH), str(model), opset_version=11,
                      input_names=["images"], output_names=["output"], do_constant_folding=True)
    (options.output / "person-detector.json").write_text(CONFIG % options.threshold)
    (options.output / "person-detector.labels.txt").write_text("person\n")
    parameters, work = count_work(net)
    print(f"{model}: {parameters} parameters, {work:.3f} GFLOP, {model.stat().st_size} bytes")


if __name__ == "__main__":
    main()
