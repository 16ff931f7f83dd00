"""Broken losses."""

from defects import caught_by
from defects.parameters import Softplus, soft
from ganreg import Loss


@caught_by("builds")
class HalfALoss(Loss, name="half-a-loss"):
    """softplus(D(G(z)) - D(x)), for one player."""

    def discriminator(self, real, fake):
        return soft(fake.logits - real.logits)


@caught_by("scalar")
class PerPicture(Softplus, name="per-picture"):
    """-D(G(z)) for each picture."""

    def generator(self, real, fake):
        return -fake.logits


@caught_by("scalar")
class Clips(Softplus, name="clips-logits"):
    """softplus(-D(G(z))) of logits that it clips in place."""

    def generator(self, real, fake):
        return soft(-fake.logits.clamp_(-1, 1))


@caught_by("scalar")
class Deviates(Softplus, name="deviates"):
    """softplus(-D / s) with s² = Σ(D - E[D])² / (n - 1) over the n logits of a picture, of which there may be one."""

    def generator(self, real, fake):
        rows = fake.logits.reshape(len(fake.logits), -1)
        variance = (rows - rows.mean(dim=1, keepdim=True)).square().sum(dim=1, keepdim=True) / (rows.shape[1] - 1)
        return soft(-rows / variance.sqrt())


@caught_by("scalar")
class Misspells(Softplus, name="misspells"):
    """softplus(-D(G(z))) of a field that no output has."""

    def generator(self, real, fake):
        return soft(-fake.logit)


@caught_by("scalar")
class Number(Softplus, name="number"):
    """-D(G(z)) without a gradient."""

    def generator(self, real, fake):
        return -fake.logits.detach().mean()


@caught_by("scalar")
class Blind(Softplus, name="blind"):
    """softplus(-D(x)): nothing about generated pictures."""

    def discriminator(self, real, fake):
        return soft(-real.logits)


@caught_by("real-for-generator")
class WantsReal(Softplus, name="wants-real"):
    """softplus(D(x) - D(G(z))), and does not say that it needs D(x)."""

    def generator(self, real, fake):
        return soft(real.logits - fake.logits)


@caught_by("requires")
class SecretEmbedding(Softplus, name="secret-embedding"):
    """Softplus + |h(x) - h(G(z))|, of embeddings that it does not ask for."""

    def discriminator(self, real, fake):
        return super().discriminator(real, fake) + (real.embedding - fake.embedding).square().mean()


@caught_by("requires")
class SecretFeatures(Softplus, name="secret-features"):
    """Softplus + E[f(G(z))²], of no features where it is given none."""

    def generator(self, real, fake):
        return super().generator(real, fake) + sum(feature.square().mean() for feature in fake.features)


@caught_by("requires")
class SecretClasses(Softplus, name="secret-classes"):
    """Softplus and E[-log p(y|x)], of classes that it does not ask for."""

    def discriminator(self, real, fake):
        from torch.nn.functional import cross_entropy

        return super().discriminator(real, fake) + cross_entropy(real.class_logits, real.labels)


@caught_by("requires")
class SecretExtra(Softplus, name="secret-extra"):
    """Softplus + E[a²], of something that it does not ask for."""

    def discriminator(self, real, fake):
        return super().discriminator(real, fake) + real.extra["again"].square().mean()


@caught_by("gradients")
class Counted(Softplus, name="counted"):
    """Softplus for real pictures, and P[D(G(z)) > 0], which has no slope."""

    def discriminator(self, real, fake):
        return soft(-real.logits) + (fake.logits > 0).to(fake.logits).mean() + 0 * fake.logits.mean()


@caught_by("averages")
class Summed(Softplus, name="summed"):
    """-Σ D(G(z))."""

    def generator(self, real, fake):
        return -fake.logits.sum()


@caught_by("extremes")
class Logarithm(Softplus, name="logarithm"):
    """-E[log(1 - σ(D(G(z))))] as it is written."""

    def discriminator(self, real, fake):
        return soft(-real.logits) - (1 - fake.logits.sigmoid()).log().mean()


@caught_by("trained")
class LearnedWeight(Softplus, name="learned-weight"):
    """w softplus(-D(G(z))), with a w that nobody moves."""

    def build(self, task):
        from defects.modules import LearnedWeight

        return LearnedWeight(self)


@caught_by("leaves-alone")
class CallsBackward(Softplus, name="calls-backward"):
    """softplus(-D(G(z))), which calls backward."""

    def generator(self, real, fake):
        loss = soft(-fake.logits)
        loss.backward(retain_graph=True)
        return loss


@caught_by("leaves-alone")
class InPlace(Softplus, name="in-place"):
    """softplus(-D(x)) + softplus(D(G(z))), computed in place."""

    def discriminator(self, real, fake):
        return soft(-real.logits.data.clamp_(-1, 1) * 0 - real.logits) + soft(fake.logits)


@caught_by("float64")
class SingleTarget(Softplus, name="single-target"):
    """-D(G(z)) by a product with ones in float32."""

    def generator(self, real, fake):
        import torch

        ones = torch.ones(fake.logits.numel(), device=fake.logits.device)
        return -(fake.logits.flatten() @ ones) / fake.logits.numel()


@caught_by("signs")
class Reversed(Softplus, name="reversed"):
    """softplus(D(x)) + softplus(-D(G(z))): the sides are exchanged."""

    def discriminator(self, real, fake):
        return soft(real.logits) + soft(-fake.logits)


@caught_by("signs")
class Helpful(Softplus, name="helpful"):
    """softplus(D(G(z))): the generator helps the discriminator."""

    def generator(self, real, fake):
        return soft(fake.logits)


@caught_by("signs")
class BackwardsCritic(Loss, name="backwards-critic"):
    """D(x) - D(G(z)), and D(G(z)): both signs of WGAN are wrong."""

    def discriminator(self, real, fake):
        return real.logits.mean() - fake.logits.mean()

    def generator(self, real, fake):
        return fake.logits.mean()


@caught_by("signs")
class OneSided(Softplus, name="one-sided"):
    """softplus(-D(x)) + softplus(-D(G(z))): everything shall be real."""

    def discriminator(self, real, fake):
        return soft(-real.logits) + soft(-fake.logits)


@caught_by("signs")
class WrongSide(Softplus, name="wrong-side"):
    """softplus(D(x)) for the generator, and nothing of its own pictures."""

    generator_uses_real = True

    def generator(self, real, fake):
        return soft(real.logits) + 0 * fake.logits.mean()


@caught_by("signs")
class Repelling(Softplus, name="repelling"):
    """softplus(-D(G(z))) - |f(x) - f(G(z))|: features are driven apart."""

    requires = frozenset({"features"})
    generator_uses_real = True

    def generator(self, real, fake):
        apart = sum((r - f).abs().mean() for r, f in zip(real.features, fake.features, strict=True))
        return soft(-fake.logits) - apart


@caught_by("meta")
class Adaptive(Softplus, name="adaptive"):
    """softplus(-D(G(z))), if that is worth while."""

    def generator(self, real, fake):
        loss = soft(-fake.logits)
        return loss if loss.item() > 0 else 0 * loss


@caught_by("state")
class Warming(Softplus, name="warming"):
    """Softplus, with a weight that grows by each call: w = 1 - 0.9^t."""

    _calls: int = 0

    def generator(self, real, fake):
        object.__setattr__(self, "_calls", self._calls + 1)
        return (1 - 0.9**self._calls) * soft(-fake.logits)


@caught_by("repeats")
class Shared(Softplus, name="shared"):
    """Softplus, with a weight w = 1 - 0.9^t that is counted for all runs of a process."""

    def generator(self, real, fake):
        COUNTS.append(1)
        return (1 - 0.9 ** len(COUNTS)) * soft(-fake.logits)


COUNTS: list[int] = []
