"""Sound networks, which defects change in one place."""

from math import prod

import torch
from torch import nn

from ganreg import DiscriminatorOutput


class Maker(nn.Module):
    """z (N, latent) to pictures, with classes if the task has some."""

    def __init__(self, task):
        super().__init__()
        self.image = task.image
        self.label = nn.Embedding(task.classes, task.latent) if task.classes else None
        self.dense = nn.Linear(task.latent, prod(task.image))

    def forward(self, z, labels=None):
        return self.end(self.begin(z, labels))

    def begin(self, z, labels):
        if self.label is not None:
            z = z + self.label(labels)
        return self.dense(z).unflatten(1, self.image)

    def end(self, images):
        return images.tanh()


class Judge(nn.Module):
    """Pictures to logits (N,), with classes if the task has some."""

    def __init__(self, task):
        super().__init__()
        self.label = nn.Embedding(task.classes, 8) if task.classes else None
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(prod(task.image), 8), nn.Tanh())
        self.head = nn.Linear(8, 1)

    def forward(self, images, labels=None):
        return self.end(self.begin(images, labels))

    def begin(self, images, labels):
        hidden = self.body(images)
        return hidden if self.label is None else hidden + self.label(labels)

    def end(self, hidden):
        return self.head(hidden).squeeze(1)


class Shapeless(Judge):
    def __init__(self, task):
        super().__init__(task)
        self.head = nn.LazyLinear(1)


class Transposed(Maker):
    def end(self, images):
        return images.tanh().movedim(1, 3)


class HardBatch(Maker):
    def end(self, images):
        return images.reshape(4, *self.image).tanh()


class Swapped(Maker):
    """Takes (C, H, W) for (C, W, H)."""

    def end(self, images):
        return images.flatten(1).unflatten(1, (self.image[0], self.image[2], self.image[1])).tanh()


class Unbounded(Maker):
    def end(self, images):
        return images


class Sigmoid(Maker):
    def end(self, images):
        return images.sigmoid()


class Unused(Maker):
    def __init__(self, task):
        super().__init__(task)
        self.spare = nn.Linear(3, 3)


class Detached(Judge):
    """Trains its head, and neither its body nor the generator."""

    def end(self, hidden):
        return super().end(hidden.detach())


class Rounded(Maker):
    """In 8 bits, whose gradient is zero."""

    def end(self, images):
        return (images.tanh() * 127).round() / 127


class FirstLabel(Maker):
    """Uses the embedding of the first class for every picture."""

    def begin(self, z, labels):
        return super().begin(z, None if labels is None else torch.zeros_like(labels))


class TwoLabels(Maker):
    """Tells the first class from the others alone."""

    def begin(self, z, labels):
        return super().begin(z, None if labels is None else labels.clamp(max=1))


class MapEmbedding(Judge):
    def end(self, hidden):
        return DiscriminatorOutput(super().end(hidden), embedding=hidden[..., None])


class DetachedEmbedding(Judge):
    def end(self, hidden):
        return DiscriminatorOutput(super().end(hidden), embedding=hidden.detach())


class Branching(Maker):
    """Looks at a value."""

    def end(self, images):
        return images.tanh() / max(1.0, images.abs().max().item() / 100)


class Stray(Maker):
    """A constant that does not move with the network."""

    def __init__(self, task):
        super().__init__(task)
        self.scale = torch.linspace(0.9, 1.0, task.image[2])

    def end(self, images):
        return (images * self.scale).tanh()


class StrayKernel(Judge):
    """A blur whose kernel does not move with the network."""

    def __init__(self, task):
        super().__init__(task)
        channels = task.image[0]
        self.kernel = torch.full((channels, channels, 3, 3), 1 / 9)

    def begin(self, images, labels):
        return super().begin(nn.functional.conv2d(images, self.kernel.to(images.dtype), padding=1), labels)


class SingleOnly(Maker):
    """Makes a matrix in float32 in the middle of forward."""

    def end(self, images):
        return (images @ torch.eye(images.shape[3], device=images.device)).tanh()


class FloatOnly(Judge):
    """Interpolates with a buffer, which autocast does not do between two dtypes."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("centre", torch.zeros(8))

    def begin(self, images, labels):
        return super().begin(images, labels).lerp(self.centre, 0.1)


class Square(torch.autograd.Function):
    """x², with a derivative that cannot be differentiated."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, slope):
        (x,) = context.saved_tensors
        return 2 * x * slope


class OnceDifferentiable(Judge):
    def end(self, hidden):
        return super().end(Square.apply(hidden))


class Squeezed(Judge):
    """Loses the batch where it is one picture."""

    def end(self, hidden):
        return self.head(hidden).squeeze()


class Standardized(Maker):
    """Normalizes by the deviation over the batch, always; there is none of one picture."""

    def end(self, images):
        return ((images - images.mean(dim=0)) / (images.std(dim=0) + 1e-3)).tanh()


class Watchful(Judge):
    """Moves a running mean in evaluation, too."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("mean", torch.zeros(()))

    def end(self, hidden):
        logits = super().end(hidden)
        self.mean.copy_(0.9 * self.mean + 0.1 * logits.detach().mean())
        return logits - self.mean


class LearnedWeight(nn.Module):
    """A loss times a parameter."""

    def __init__(self, loss):
        super().__init__()
        self.loss, self.weight = loss, nn.Parameter(torch.ones(()))

    def discriminator(self, real, fake):
        return self.loss.discriminator(real, fake)

    def generator(self, real, fake):
        return self.weight * self.loss.generator(real, fake)


class LearnedConstant(Maker):
    """A shift that was meant to be trained, and is a buffer."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("shift", torch.zeros((), requires_grad=True), persistent=False)

    def end(self, images):
        return (images + self.shift).tanh()


class MeanLogit(Judge):
    """One logit for the whole batch."""

    def end(self, hidden):
        return super().end(hidden).mean()


class FlatPatches(Judge):
    def end(self, hidden):
        return self.head(hidden).expand(-1, 4)


class Featureless(Judge):
    """Fills nothing but the logits."""

    def end(self, hidden):
        return DiscriminatorOutput(super().end(hidden))


class WrongClasses(Judge):
    """One class logit too many."""

    def __init__(self, task):
        super().__init__(task)
        self.classify = nn.Linear(8, task.classes + 1)

    def end(self, hidden):
        return DiscriminatorOutput(super().end(hidden), class_logits=self.classify(hidden))


class DoublePictures(Maker):
    """In float64, which no discriminator in float32 takes."""

    def end(self, images):
        return images.tanh().double()


class Entropy(Maker):
    """Noise from the operating system."""

    def end(self, images):
        numbers = torch.Generator(images.device if images.device.type != "meta" else "cpu")
        numbers.seed()
        noise = torch.randn(images.shape[2:], generator=numbers).to(images)
        return (images + 0.1 * noise).tanh()


class Counting(Maker):
    """Fades in over its first pictures, which it counts outside of any buffer."""

    def __init__(self, task):
        super().__init__(task)
        self.seen = 0

    def end(self, images):
        self.seen += len(images)
        return (images * min(1, 0.5 + self.seen / 1000)).tanh()


class RunningMean(Judge):
    """Centres by a running mean that is a tensor, and no buffer."""

    def __init__(self, task):
        super().__init__(task)
        self.mean = torch.zeros(())

    def end(self, hidden):
        logits = super().end(hidden)
        self.mean = 0.9 * self.mean.to(logits) + 0.1 * logits.detach().mean()
        return logits - self.mean


class BankMaker(Maker):
    """Adds the mean of its last five batches."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("bank", torch.zeros(0, *task.image))

    def end(self, images):
        if self.training:
            self.bank = torch.cat([self.bank, images.detach().mean(0, keepdim=True)])[-5:]
        return (images + self.bank.sum(0) / 100).tanh()


class BankJudge(Judge):
    """Adds the mean of its last five batches."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("bank", torch.zeros(0))

    def end(self, hidden):
        logits = super().end(hidden)
        if self.training:
            self.bank = torch.cat([self.bank, logits.detach().mean(0, keepdim=True)])[-5:]
        return logits + self.bank.sum() / 100


class Forgotten(Judge):
    """The same in a buffer that is not saved."""

    def __init__(self, task):
        super().__init__(task)
        self.register_buffer("mean", torch.zeros(()), persistent=False)

    def end(self, hidden):
        logits = super().end(hidden)
        if self.training:
            self.mean.copy_(0.9 * self.mean + 0.1 * logits.detach().mean())
        return logits - self.mean


class Deaf(Maker):
    """Makes its pictures of nothing but its weights."""

    def begin(self, z, labels):
        return super().begin(torch.ones_like(z), labels)


class Probability(Judge):
    """Ends with a sigmoid."""

    def end(self, hidden):
        return super().end(hidden).sigmoid()


class Overwriting(Judge):
    """Clips its input in place."""

    def begin(self, images, labels):
        return super().begin(images.clamp_(-0.5, 0.5), labels)


class Reseeds(Maker):
    """The same noise at each call, by seeding the generator of all."""

    def begin(self, z, labels):
        torch.manual_seed(0)
        return super().begin(z + 0.01 * torch.randn_like(z), labels)


class Unregistered(Maker):
    """Layers in a list, which the network does not know of."""

    def __init__(self, task):
        super().__init__(task)
        self.more = [nn.Linear(task.image[2], task.image[2])]

    def end(self, images):
        return self.more[0](images).tanh()


class Frozen(Maker):
    """Nothing can be trained."""

    def __init__(self, task):
        super().__init__(task)
        self.requires_grad_(False)


class NumpyWeights(Maker):
    """Starts from a generator of numpy's that nobody seeds."""

    def __init__(self, task):
        import numpy as np

        super().__init__(task)
        start = torch.from_numpy(np.random.default_rng().standard_normal(self.dense.weight.shape))
        self.dense.weight.data.copy_(0.1 * start)


class OwnSeed(Maker):
    """The same weights whatever the seed of the run."""

    def __init__(self, task):
        torch.manual_seed(0)
        super().__init__(task)


class FlatEncoder(nn.Module):
    """Pictures to a z of the wrong length."""

    def __init__(self, task):
        super().__init__()
        self.dense = nn.Linear(prod(task.image), task.latent + 1)

    def forward(self, images, labels=None):
        return self.dense(images.flatten(1))
