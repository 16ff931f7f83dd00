"""Broken generators, discriminators and encoders; what is wrong with them stands in `modules`."""

from defects import caught_by
from ganreg import Discriminator, Encoder, Generator


class Network(Generator):
    """Builds the module that has the name of its class."""

    def build(self, task):
        from defects import modules

        return getattr(modules, type(self).__name__)(task)


class Critic(Discriminator):
    """The same."""

    build = Network.build


@caught_by("builds")
class BuildsFunction(Network, name="builds-function"):
    """A function in place of a network."""

    def build(self, task):
        return lambda z, labels=None: z.new_zeros(len(z), *task.image)


@caught_by("builds")
class Frozen(Network, name="frozen"):
    """Nothing to train."""


@caught_by("builds")
class Shapeless(Critic, name="shapeless"):
    """A layer that takes its size from the first batch."""


@caught_by("seeded")
class NumpyWeights(Network, name="numpy-weights"):
    """Not from the seed."""


@caught_by("seeded")
class OwnSeed(Network, name="own-seed"):
    """From its own seed."""


@caught_by("forward")
class Transposed(Network, name="transposed"):
    """(N, H, W, C)."""


@caught_by("forward")
class MeanLogit(Critic, name="mean-logit"):
    """One logit for all."""


@caught_by("forward")
class FlatPatches(Critic, name="flat-patches"):
    """Logits of patches side by side."""


@caught_by("forward")
class FlatEncoder(Encoder, name="flat-encoder"):
    """A z that is too long."""

    build = Network.build


@caught_by("batch-sizes")
class HardBatch(Network, name="hard-batch"):
    """Four pictures, always."""


@caught_by("batch-sizes")
class Squeezed(Critic, name="squeezed"):
    """One picture is none."""


@caught_by("batch-sizes")
class Standardized(Network, name="standardized"):
    """NaN of a single noise."""


@caught_by("evaluation")
class Watchful(Critic, name="watchful"):
    """Goes on learning in evaluation."""


@caught_by("trained")
class LearnedConstant(Network, name="learned-constant"):
    """A weight that is no parameter."""


@caught_by("sizes")
class Swapped(Network, name="swapped"):
    """Square pictures only, and does not say so."""


@caught_by("sizes")
class HardSize(Critic, name="hard-size"):
    """8x8 pictures of three channels only, and does not say so."""

    def build(self, task):
        from dataclasses import replace

        from defects.modules import Judge

        return Judge(replace(task, image=(3, 8, 8)))


@caught_by("range")
class Unbounded(Network, name="unbounded"):
    """No tanh."""


@caught_by("range")
class Sigmoid(Network, name="sigmoid"):
    """[0, 1]."""


@caught_by("gradients")
class Unused(Network, name="unused"):
    """A spare layer."""


@caught_by("gradients")
class Detached(Critic, name="detached"):
    """No way back to the pictures."""


@caught_by("gradients")
class Rounded(Network, name="rounded"):
    """Zero gradients."""


@caught_by("gradients")
class Deaf(Network, name="deaf"):
    """No use for noise."""


@caught_by("logits")
class Probability(Critic, name="probability"):
    """Probabilities."""


@caught_by("leaves-alone")
class Overwriting(Critic, name="overwriting"):
    """Writes over its input."""


@caught_by("leaves-alone")
class Reseeds(Network, name="reseeds"):
    """Seeds in forward."""


@caught_by("moves")
class Unregistered(Network, name="unregistered"):
    """Layers that are not trained and do not move."""


@caught_by("labels")
class FirstLabel(Network, name="first-label"):
    """All labels are alike."""


@caught_by("labels")
class TwoLabels(Network, name="two-labels"):
    """All labels but the first are alike."""


@caught_by("meta")
class Branching(Network, name="branching"):
    """Reads a value."""


@caught_by("moves")
class Stray(Network, name="stray"):
    """A constant stays behind."""


@caught_by("moves")
class StrayKernel(Critic, name="stray-kernel"):
    """A kernel stays behind."""


@caught_by("moves")
class SingleOnly(Network, name="single-only"):
    """Not in float64."""


@caught_by("bf16")
class FloatOnly(Critic, name="float-only"):
    """Not in bfloat16."""


@caught_by("double-backward")
class OnceDifferentiable(Critic, name="once-differentiable"):
    """No gradient penalty for this one."""


@caught_by("provides")
class Featureless(Critic, name="featureless"):
    """Promises features."""

    provides = frozenset({"features"})


@caught_by("provides")
class MisspeltWord(Critic, name="misspelt-word"):
    """Promises a field that is called otherwise."""

    provides = frozenset({"embeddings"})

    def build(self, task):
        from defects.modules import Judge

        return Judge(task)


@caught_by("provides")
class WrongClasses(Critic, name="wrong-classes"):
    """One class too many."""

    provides = frozenset({"class_logits"})

    def check(self, task):
        if task.classes is None:
            raise ValueError("needs classes")


@caught_by("provides")
class MapEmbedding(Critic, name="map-embedding"):
    """An embedding (N, D, 1)."""

    provides = frozenset({"embedding"})


@caught_by("provides")
class DetachedEmbedding(Critic, name="detached-embedding"):
    """An embedding without a way back."""

    provides = frozenset({"embedding"})


@caught_by("plays")
class DoublePictures(Network, name="double-pictures"):
    """Pictures in float64."""


@caught_by("repeats")
class Entropy(Network, name="entropy"):
    """Never the same twice."""


@caught_by("state")
class Counting(Network, name="counting"):
    """Counts in a number of Python."""


@caught_by("state")
class RunningMean(Critic, name="running-mean"):
    """Remembers in a plain tensor."""


@caught_by("state")
class Forgotten(Critic, name="forgotten"):
    """Remembers in a buffer that is not saved."""


@caught_by("plays")
class BankMaker(Network, name="bank-maker"):
    """A memory bank that grows; the moving average has one of another size."""


@caught_by("state")
class BankJudge(Critic, name="bank-judge"):
    """The same, which no network takes back from a checkpoint."""
