#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains the person detector on the .npz files that label.py wrote. Debian's python3-torch is enough.

The learning rate is constant after a warm-up and falls to nothing over the last --decay batches, so a
checkpoint of the constant part can be carried on for longer (--resume) or be finished at any time.
"""

import argparse
import copy
import time
from pathlib import Path

import torch

from frames import Pictures
from loss import Loss
from network import PersonNet

AVERAGE = 0.999  # of the running mean of the weights, which is what is exported


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, required=True, help="folder written by label.py")
    parser.add_argument("--leave-out", default="worker-zone", help="files with this in their name are not used")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--batches", type=int, default=6300, help="in all, resumed ones counted in")
    parser.add_argument("--decay", type=int, default=2000, help="batches of falling learning rate at the end")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--full-precision", action="store_true", help="float32 instead of bfloat16 convolutions")
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    parser.add_argument("--name", default="last", help="checkpoint's name")
    return parser.parse_args()


def rate_at(batch, options):
    """Learning rate as a share of --rate: warm-up, constant, down to 0 as 1 - sqrt(x)."""
    left = options.batches - batch
    end = 1 - (1 - left / options.decay) ** 0.5 if left < options.decay else 1
    return min(1, (batch + 1) / 500) * end


def make_optimizer(net, rate):
    """AdamW; no decay on biases and normalisation."""
    kernels = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    groups = [{"params": kernels, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


@torch.no_grad()
def follow(mean, net, batch):
    """Moves the running mean towards the network."""
    keep = min(AVERAGE, (batch + 1) / (batch + 20))
    for kept, new in zip(mean.state_dict().values(), net.state_dict().values()):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - keep)
        else:
            kept.copy_(new)


def save(path, net, mean, optimizer, batch):
    state = {"net": net.state_dict(), "mean": mean.state_dict(), "optimizer": optimizer.state_dict(), "batch": batch}
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def start(options):
    """Network, its mean, optimizer and the batch to begin with."""
    torch.manual_seed(options.seed)
    net = PersonNet().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net)
    optimizer = make_optimizer(net, options.rate)
    if not options.resume:
        return net, mean, optimizer, 0
    state = torch.load(options.resume)
    net.load_state_dict(state["net"])
    mean.load_state_dict(state["mean"])
    optimizer.load_state_dict(state["optimizer"])
    return net, mean, optimizer, state["batch"]


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    net, mean, optimizer, first = start(options)
    pictures = Pictures(options.labels, options.leave_out, options.seed * 100003 + first)
    loss_of, parts, began = Loss(), torch.zeros(3), time.time()
    for batch in range(first, options.batches):
        for group in optimizer.param_groups:
            group["lr"] = options.rate * rate_at(batch, options)
        images, boxes = pictures.batch(options.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.full_precision):
            output = net(images.contiguous(memory_format=torch.channels_last))
        loss, seen = loss_of(output.float(), boxes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimizer.step()
        follow(mean, net, batch)
        parts += torch.tensor(seen)
        if (batch + 1) % 100 == 0 or batch + 1 == options.batches:
            done = batch + 1 - first
            print(f"batch {batch + 1} object {parts[0] / 100:.3f} quality {parts[1] / 100:.3f} place "
                  f"{parts[2] / 100:.3f} {options.batch * done / (time.time() - began):.0f} pictures/s", flush=True)
            parts.zero_()
            save(options.output / f"{options.name}.pt", net, mean, optimizer, batch + 1)


if __name__ == "__main__":
    main()
