# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which cells answer for which person, and the loss. After YOLOX (Ge et al. 2021, SimOTA), a batch at once."""

import numpy as np
import torch
import torch.nn.functional as F

from network import HEIGHT, STRIDES, WIDTH

REACH = 2.0  # cells around a person's centre, in strides, that may answer for it
MOST_CELLS = 10


def cells():
    """Column, row, stride of every output row [N, 3]."""
    levels = []
    for stride in STRIDES:
        rows, cols = torch.meshgrid(torch.arange(HEIGHT // stride), torch.arange(WIDTH // stride), indexing="ij")
        levels.append(torch.stack([cols.flatten(), rows.flatten(), torch.full((rows.numel(),), stride)], 1))
    return torch.cat(levels).float()


def padded(boxes):
    """Box arrays of a batch as one tensor [n, most, 5]; absent ones have target 0."""
    most = max(1, max(len(b) for b in boxes))
    tensor = np.zeros((len(boxes), most, 5), np.float32)
    for i, rows in enumerate(boxes):
        tensor[i, :len(rows)] = rows
    return torch.from_numpy(tensor)


def corners(output, grid):
    """Predicted boxes (x0, y0, x1, y1) in pixels."""
    centre = (output[..., :2] + grid[:, :2]) * grid[:, 2:]
    half = torch.exp(output[..., 2:4].clamp(-5, 5)) * grid[:, 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def giou(a, b):
    """IoU and generalised IoU of boxes, broadcast over leading axes."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:4], b[..., 2:4])
    inner = (high - low).clamp(min=0).prod(-1)
    whole = (a[..., 2:4] - a[..., :2]).prod(-1) + (b[..., 2:4] - b[..., :2]).prod(-1) - inner
    iou = inner / whole.clamp(min=1e-6)
    hull = (torch.maximum(a[..., 2:4], b[..., 2:4]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return iou, iou - (hull - whole) / hull.clamp(min=1e-6)


class Loss:
    def __init__(self):
        self.grid = cells()
        self.centre = (self.grid[:, :2] + 0.5) * self.grid[:, 2:]

    @torch.no_grad()
    def assign(self, found, score, people):
        """For each image and cell the index of its person, or -1; and the IoU with it."""
        box, wanted = people[..., :4], people[..., 4] > 0
        middle = (box[..., :2] + box[..., 2:]) / 2
        inside = self.within(box)
        near = ((self.centre[None, None] - middle[:, :, None]).abs().amax(-1) < self.grid[:, 2] * REACH)
        allowed = (inside | near) & wanted[..., None]
        iou, _ = giou(found[:, None], box[:, :, None])
        fit = score[:, None].clamp(1e-4)
        cost = -torch.log(fit) - 3 * torch.log(iou + 1e-6) + 1e4 * ~(inside & near) + 1e7 * ~allowed
        most = min(MOST_CELLS, cost.shape[2])
        lots = (iou * allowed).topk(most, 2).values.sum(2).int().clamp(min=1)
        order = cost.topk(most, 2, largest=False).indices
        take = torch.arange(most)[None, None] < lots[..., None]
        chosen = torch.zeros_like(cost, dtype=torch.bool).scatter_(2, order, take) & allowed
        cost = torch.where(chosen, cost, torch.full_like(cost, 1e9))
        person = cost.argmin(1)
        person[~chosen.any(1)] = -1
        return person, iou.gather(1, person.clamp(min=0)[:, None])[:, 0]

    def within(self, box):
        """Which cells' centres lie in which boxes [n, boxes, N]."""
        x, y = self.centre[:, 0], self.centre[:, 1]
        return ((x > box[..., 0:1]) & (x < box[..., 2:3]) & (y > box[..., 1:2]) & (y < box[..., 3:4]))

    def __call__(self, output, boxes):
        """output: [n, N, 6] logits; boxes: a list of arrays. Returns the loss and its parts."""
        people = padded(boxes)
        found = corners(output, self.grid)
        score = (torch.sigmoid(output[..., 4]) * torch.sigmoid(output[..., 5])).detach().sqrt()
        person, iou = self.assign(found.detach(), score, people)
        mine = person >= 0
        people_of = people.gather(1, person.clamp(min=0)[..., None].expand(-1, -1, 5))
        target = torch.where(mine, people_of[..., 4], torch.zeros(()))
        unsure = (self.within(people[..., :4]) & (people[..., 4:5] < 0)).any(1)
        heed = (mine | ~unsure).float()
        total = target.sum().clamp(min=8)
        objects = F.binary_cross_entropy_with_logits(output[..., 4], target, heed, reduction="sum") / total
        weight, truth = target[mine], people_of[mine]
        quality = F.binary_cross_entropy_with_logits(output[..., 5][mine], iou[mine], weight, reduction="sum") / total
        _, overlap = giou(found[mine], truth[:, :4])
        place = ((1 - overlap) * weight).sum() / total
        return objects + quality + 4 * place, (float(objects), float(quality), float(place))
