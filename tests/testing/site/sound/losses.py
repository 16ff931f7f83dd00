"""Sound losses and penalties."""

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ganreg import Loss, Penalty


class Wasserstein(Loss, name="wasserstein"):
    """Arjovsky et al., 2017, with a drift of Progressive GAN: + ε E[D(x)²]."""

    drift: NonNegativeFloat = Field(1e-3, description="ε")

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean() + self.drift * real.logits.square().mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


class Pearson(Loss, name="pearson"):
    """Least squares with a = -1, b = 1, c = 0: the generator aims at the middle (Mao et al., 2016)."""

    def discriminator(self, real, fake):
        return (real.logits - 1).square().mean() + (fake.logits + 1).square().mean()

    def generator(self, real, fake):
        return fake.logits.square().mean()


class KullbackLeibler(Loss, name="kullback-leibler"):
    """f-GAN: -E[T(x)] + E[exp(T(G(z)) - 1)] (Nowozin et al., 2016; arXiv:1606.00709)."""

    def discriminator(self, real, fake):
        return (fake.logits - 1).exp().mean() - real.logits.mean()

    def generator(self, real, fake):
        return -(fake.logits - 1).exp().mean()


class Smoothed(Loss, name="smoothed"):
    """The saturating game with one-sided label smoothing, 0.9 for real (Salimans et al., 2016)."""

    def discriminator(self, real, fake):
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

        target = torch.full_like(real.logits, 0.9)
        return cross_entropy(real.logits, target) + cross_entropy(fake.logits, torch.zeros_like(fake.logits))

    def generator(self, real, fake):
        from torch.nn.functional import logsigmoid

        return logsigmoid(-fake.logits).mean()


class Energy(Loss, name="energy"):
    """EBGAN: E(x) + max(0, m - E(G(z))), with the energy E = -logit (Zhao et al., 2016; arXiv:1609.03126)."""

    margin: PositiveFloat = Field(10.0, description="m")

    def discriminator(self, real, fake):
        return -real.logits.mean() + (self.margin + fake.logits).relu().mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


class Best(Loss, name="best"):
    """Top-k training: only the k pictures that fool best teach (Sinha et al., 2020; arXiv:2002.06224)."""

    share: float = Field(0.5, gt=0, le=1, description="k/N")

    def discriminator(self, real, fake):
        return (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()

    def generator(self, real, fake):
        logits = fake.logits.flatten()
        return -logits.topk(max(1, int(self.share * len(logits)))).values.mean()


class Relativistic(Loss, name="relativistic"):
    """Relativistic average least squares (Jolicoeur-Martineau, 2018; arXiv:1807.00734)."""

    generator_uses_real = True

    def discriminator(self, real, fake):
        apart = real.logits - fake.logits.mean(), fake.logits - real.logits.mean()
        return (apart[0] - 1).square().mean() + (apart[1] + 1).square().mean()

    def generator(self, real, fake):
        return self.discriminator(fake, real)


class Features(Loss, name="features"):
    """Feature matching alone for the generator: |E[f(x)] - E[f(G(z))]|² (Salimans et al., 2016)."""

    generator_uses_real = True
    requires = frozenset({"features"})

    def discriminator(self, real, fake):
        return (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()

    def generator(self, real, fake):
        pairs = zip(real.features, fake.features, strict=True)
        return sum((r.mean(dim=0) - f.mean(dim=0)).square().mean() for r, f in pairs)


class Kernel(Loss, name="kernel"):
    """MMD with k(a, b) = exp(-|a - b|²/2) on embeddings; logits play no part (Li et al., 2017; arXiv:1705.08584)."""

    generator_uses_real = True
    requires = frozenset({"embedding"})

    def discriminator(self, real, fake):
        return -self.generator(real, fake)

    def generator(self, real, fake):
        def mean(a, b):
            return (-(a[:, None] - b[None]).square().sum(dim=2) / 2).exp().mean()

        a, b = real.embedding, fake.embedding
        return mean(a, a) + mean(b, b) - 2 * mean(a, b)


class Classes(Loss, name="classes"):
    """AC-GAN: hinge, and the cross-entropy of the class for both (Odena et al., 2016; arXiv:1610.09585)."""

    requires = frozenset({"class_logits"})

    def discriminator(self, real, fake):
        hinge = (1 - real.logits).relu().mean() + (1 + fake.logits).relu().mean()
        return hinge + entropy(real) + entropy(fake)

    def generator(self, real, fake):
        return -fake.logits.mean() + entropy(fake)


def entropy(output):
    from torch.nn.functional import cross_entropy

    return cross_entropy(output.class_logits, output.labels)


class Again(Loss, name="again"):
    """Wasserstein, and E[|again|²] of what an autoencoder gives beside its logits."""

    requires = frozenset({"again"})

    def discriminator(self, real, fake):
        return fake.logits.mean() - real.logits.mean() + real.extra["again"].square().mean()

    def generator(self, real, fake):
        return -fake.logits.mean()


class Optional(Wasserstein, name="optional"):
    """Wasserstein, and E[|h(x)|²] of the embedding where there is one."""

    def discriminator(self, real, fake):
        drift = 0 if real.embedding is None else 1e-3 * real.embedding.square().mean()
        return super().discriminator(real, fake) + drift


class Learned(Wasserstein, name="learned"):
    """w·Wasserstein, with a w that it learns itself."""

    def build(self, task):
        from sound.stateful import Learned

        return Learned()


class Affine(Wasserstein, name="affine"):
    """Wasserstein of a·D(x) + b, a matrix and a shift that it learns itself."""

    def build(self, task):
        from sound.stateful import Affine

        return Affine(self)


class Balanced(Loss, name="balanced"):
    """BEGAN's balance k, in a buffer (Berthelot et al., 2017; arXiv:1703.10717): -D(x) + k D(G(z))."""

    rate: PositiveFloat = Field(1e-3, description="λ")

    def build(self, task):
        from sound.stateful import Balanced

        return Balanced(self.rate)


class Around(Loss, name="around"):
    """Any loss, shifted by nothing: a combinator with components in its fields, L = base + other."""

    base: Loss = Field(Wasserstein(), description="one")
    other: Loss = Field(Balanced(), description="another, with state")

    @property
    def requires(self):
        return self.base.requires | self.other.requires

    def discriminator(self, real, fake):
        return self.base.discriminator(real, fake) + self.other.discriminator(real, fake)

    def generator(self, real, fake):
        return self.base.generator(real, fake) + self.other.generator(real, fake)


class Lazy(Penalty, name="lazy"):
    """|∇D(x)|²/2 at each 16th update (Karras et al., 2020; arXiv:1912.04958)."""

    double_backward = True
    every: PositiveInt = Field(16, description="updates between two terms")

    def __call__(self, play):
        from torch.autograd import grad

        images = play.real.detach().clone().requires_grad_()
        logits = sum(scale.logits.sum() for scale in play.discriminate(images).scales())
        return grad(logits, images, create_graph=True)[0].square().sum(dim=(1, 2, 3)).mean() / 2


class Weightless(Penalty, name="weightless"):
    """Off by default: 0 · |G(z₁) - G(z₂)|, for the generator (Mao et al., 2019)."""

    player = "generator"
    weight: NonNegativeFloat = Field(0.0, description="factor")

    def __call__(self, play):
        other = play.generate(play.random("other").normal(*play.z.shape))
        return -(play.fake - other).abs().mean()


class Consistent(Penalty, name="consistent"):
    """E[(D(T(x)) - D(x))²] with a random flip T (Zhang et al., 2019; arXiv:1910.12027)."""

    def __call__(self, play):
        import torch

        flip = play.random("flip").uniform(len(play.real), 1, 1, 1) < 0.5
        flipped = torch.where(flip, play.real.flip(3), play.real)
        return (play.discriminate(flipped).logits - play.real_output.logits).square().mean()


class Noisy(Penalty, name="noisy"):
    """E[(D(x + n) - D(x))²] with noise and dropout from the global generator (Wei et al., 2018; arXiv:1803.01541)."""

    def __call__(self, play):
        import torch

        noised = play.real + 0.1 * torch.nn.functional.dropout(torch.randn_like(play.real))
        return (play.discriminate(noised).logits - play.real_output.logits).square().mean()


class Directed(Penalty, name="directed"):
    """E[(D(x + v uᵢ) - D(x))²]: eleven directions v of no picture, and u of each (Moosavi et al., 2017)."""

    def __call__(self, play):
        import torch

        directions = play.random("directions", 0).normal(11, *play.real.shape[1:]).to(play.real)
        order = play.random("of each").integers(11, len(play.real))
        size = play.random("size").uniform(len(play.real), 1, 1, 1)
        moved = torch.lerp(play.real, directions[order], 0.1 * size.to(play.real))
        return (play.discriminate(moved).logits - play.real_output.logits).square().mean()


class Refined(Penalty, name="refined"):
    """|z' - z|² of latents that a schedule refines; without one it is 0 and has no gradient (LOGAN, 2019)."""

    def __call__(self, play):
        return (play.z - play.noise).square().mean()


class Calm(Penalty, name="calm"):
    """E[D(x)²] in evaluation, after which the network goes back to training."""

    def __call__(self, play):
        network = play.networks["discriminator"]
        training = network.training
        network.eval()
        output = play.discriminate(play.real)
        network.train(training)
        return output.logits.square().mean()


class Anchored(Penalty, name="anchored"):
    """LeCam: E[(D(x) - a)²] with a running mean a in a buffer (Tseng et al., 2021; arXiv:2104.03310)."""

    def build(self, task):
        from sound.stateful import Anchored

        return Anchored()


class SecondHead(Penalty, name="second-head"):
    """E[(w·x - D(x))²] with a linear layer w of its own (distillation; Hinton et al., 2015; arXiv:1503.02531)."""

    def build(self, task):
        from sound.stateful import SecondHead

        return SecondHead(task)


class Orthogonal(Penalty, name="orthogonal"):
    """After each update the weights of the player's matrices are scaled to norms of at most 1: |w| ≤ 1."""

    def after_update(self, play):
        import torch

        if play.player == self.player:
            with torch.no_grad():
                for parameter in play.parameters():
                    parameter.div_(parameter.norm().clamp(min=1))
