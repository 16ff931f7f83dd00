"""A match that looks over the players' shoulders while they play on the meta device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganreg.assembly import Parts
from ganreg.batch import DiscriminatorOutput
from ganreg.check.tracking import Tracker
from ganreg.engine.feed import NoiseFeed
from ganreg.engine.guards import Guard
from ganreg.engine.match import Match
from ganreg.engine.outputs import tensors_of
from ganreg.engine.play import Play
from ganreg.engine.terms import Terms
from ganreg.errors import Mistake, SpecError, SpecPath
from ganreg.spec.runspec import RunSpec
from ganreg.task import Shape, describe

META = torch.device("meta")
TURNS = 1000
"""Of a player in one step, at most: a step that is longer would be neither checked nor trained to its end."""
STEPS = 8
"""In which a schedule moves somebody, if it ever does: one of chance may leave the first ones out."""
LOGITS = (
    "logits of patches are (N, 1, H, W), of scales a tuple; a ganreg.DiscriminatorOutput has places for classes and an "
    "embedding"
)
"""Where goes what a discriminator says beside one number for a picture."""


@dataclass(frozen=True)
class NetworkSummary:
    """One network: its component, parameter counts, and the shapes of one forward without the batch."""

    component: str
    parameters: int
    trainable: int
    takes: str
    gives: str


class Unwatched(Guard):
    """Looks at no number: of noise some may not be finite, and the meta device has none."""

    def see(self, step: int, numbers: Iterable[tuple[str, Tensor]]) -> None:
        """Let them pass."""


class Probe(Match):
    """Refuses what cannot be right as it comes up, and sums up the rest in `findings`."""

    def __init__(self, spec: RunSpec, parts: Parts, feed: NoiseFeed, device: torch.device, tracker: Tracker) -> None:
        super().__init__(spec, parts, feed, device)
        self.guard = Unwatched(deferred=True)
        self._refuse_shared()
        self.flops = 0
        self._tracker = tracker
        self._roles = spec.game.networks
        self._reached: dict[str, dict[int, nn.Parameter]] = {}
        self._flat: list[str] = []
        self._calls: dict[str, tuple[Any, Any]] = {}
        self._shapes: dict[str, tuple[str, str]] = {}
        self._odd: dict[torch.dtype, str] = {}
        labels = feed.batch(0).labels
        if labels is not None:
            tracker.watch_labels(labels)
        for name, network in self.networks.items():
            network.register_forward_pre_hook(partial(self._enter, name), with_kwargs=True)
            network.register_forward_hook(partial(self._leave, name), with_kwargs=True)

    def _refuse_shared(self) -> None:
        """Raise SpecError where two players would move one parameter: in each turn all others are frozen."""
        owners: dict[int, tuple[str, str]] = {}
        for player in self.players:
            mover = self.player(player)
            names = mover.names()
            for key in map(id, mover.parameters):
                other, name = owners.setdefault(key, (player, names[key]))
                if other != player:
                    message = f"the parameter '{names[key]}' of the {player} is '{name}' of the {other} too"
                    hint = "a parameter has one player that moves it: give each network layers of its own"
                    raise SpecError([Mistake(message, (self._role_of(names[key]),), hint=hint)])

    def _role_of(self, parameter: str) -> str:
        return self.spec.game.networks[parameter.partition(".")[0]]

    def step(self) -> None:
        """One step, and what it costs; as long as nobody has moved, a few more."""
        for _ in range(STEPS):
            before = self._tracker.flops
            super().step()
            self.flops = max(self.flops, self._tracker.flops - before)
            if self._reached:
                break

    def _take_turn(self, player: str) -> int:
        turn = super()._take_turn(player)
        if turn >= TURNS:
            message = f"gives the {player} more than {TURNS:,} turns in one step"
            raise SpecError([Mistake(f"the schedule '{self.spec.schedule.name}' {message}", ("schedule",))])
        return turn

    def apply(self, player: str) -> None:
        """The player's step, and whom its gradients reach, whoever has filled them; what is taken back moves nobody.

        Sparse ones are refused: no norm, clipping or checkpoint of ganreg's knows them.
        """
        mover = self.player(player)
        sparse = [p for p in mover.parameters if p.grad is not None and p.grad.layout != torch.strided]
        if sparse:
            name = mover.names()[id(sparse[0])]
            message = f"the gradient of '{name}' is sparse; a run takes dense ones"
            hint = "build the layer with sparse=False, as torch does unless it is told"
            raise SpecError([Mistake(message, (self._role_of(name),), hint=hint)])
        if not self._looking_ahead:
            reached = self._reached.setdefault(player, {})
            reached.update({id(p): p for p in mover.parameters if p.grad is not None})
        super().apply(player)

    def terms_of(self, play: Play) -> Terms:
        """The same, looked at."""
        terms = super().terms_of(play)
        for name, value in terms.items():
            if not isinstance(value, Tensor) or value.numel() != 1:
                got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                message = f"the {play.player}'s term '{name}' must be one number, not {got}"
                hint = "nothing is returned: is a `return` missing?" if value is None else ""
                raise SpecError([Mistake(message, self._path_of(name), hint=hint)])
            if not value.requires_grad:
                self._flat.append(f"{play.player}/{name}")
        if not any(value.requires_grad for value in terms.values()):
            cut = play.player == "generator" and "fake" in vars(play) and not play.fake.requires_grad
            cause = ": the generator's pictures have no gradient" if cut else ""
            message = f"nothing that the {play.player} minimizes ({', '.join(terms)}) depends on its weights{cause}"
            raise SpecError([Mistake(message, ("generator",) if cut else self._path_of(next(iter(terms))))])
        return terms

    def _path_of(self, term: str) -> SpecPath:
        """Where in the spec a term comes from."""
        names = [penalty.name for penalty in self.parts.penalties]
        return ("penalties", names.index(term)) if term in names else ("loss",)

    def _enter(self, name: str, network: nn.Module, args: Any, kwargs: Any) -> None:
        self._tracker.inside.append(name)
        self._tracker.mixed = False
        self._calls[name] = (args, kwargs)

    def _leave(self, name: str, network: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        self._tracker.inside.pop()
        component = self.component(name)
        given = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
        logits = result.logits if isinstance(result, DiscriminatorOutput) else result
        self._shapes[name] = (_shape(given[0] if given else None), _shape(logits))
        count = len(given[0]) if given else None
        half = self.spec.train.precision == "bf16" and given and given[0].dtype in (torch.bfloat16, torch.float16)
        if given and self._tracker.mixed and given[0].dtype in self._odd and not half:
            raise SpecError([self._of_types(name, given[0].dtype)])
        if self._roles[name] == "generator":
            self._judge_images(name, component, result, count)
        elif self._roles[name] == "discriminator":
            for part in logits if isinstance(logits, tuple | list) else [logits]:
                self._judge_logits(component, part, count)

    def _judge_images(self, name: str, component: str, images: Any, count: int | None) -> None:
        wanted = self.image_of(name)
        if not isinstance(images, Tensor) or tuple(images.shape[1:]) != wanted:
            reader = f"the discriminator '{self.spec.discriminator.name}' and the data take {describe(wanted)}"
            message = f"{component} makes {_shape(images)} images, where {reader}"
            raise SpecError([Mistake(message, ("generator",))])
        if len(images) != count:
            raise SpecError(
                [Mistake(f"{component} makes {len(images)} images where {count} are asked", ("generator",))]
            )
        if images.dtype != torch.float32:  # of its own accord: there is no autocast on the meta device
            self._odd[images.dtype] = component

    def misfit(self) -> Mistake | None:
        """What to say where a network has failed on generated pictures for their type alone."""
        failed = next(reversed(self._tracker.inside), "")
        (images, *others), words = self._calls.get(failed, ((None,), {}))
        if not isinstance(images, Tensor) or images.dtype not in self._odd:
            return None
        try:
            self.networks[failed](images.float(), *others, **words)
        except Exception:
            return None
        return self._of_types(failed, images.dtype)

    def _of_types(self, reader: str, kind: torch.dtype) -> Mistake:
        made = f"{self._odd[kind]} makes pictures of {kind}, on which {self.component(reader)} fails"
        return Mistake(made, ("generator",), hint="let its forward give torch.float32, as real pictures are")

    def _judge_logits(self, component: str, logits: Any, count: int | None) -> None:
        message, hint = "", ""
        if not isinstance(logits, Tensor) or logits.dim() == 0 or len(logits) != count:
            message = f"{component} gives logits {_whole(logits)} for {count} images; the first size must be {count}"
            if not isinstance(logits, Tensor):
                hint = "return a tensor, a tuple of them for scales, or a ganreg.DiscriminatorOutput"
        elif logits.dim() > 1 and logits.shape[1] != 1:
            message = f"{component} gives {logits.shape[1]} logits per image or patch; it must be one"
            hint = LOGITS
        if message:
            raise SpecError([Mistake(message, ("discriminator",), hint=hint)])

    def image_of(self, name: str) -> Shape:
        """The shape of the pictures that a generator has to make."""
        channels, height, width = self.spec.game.task_for(name, self.parts.task).image
        size = self.current_stage.size
        return (channels, size or height, size or width)

    def findings(self) -> tuple[list[Mistake], list[str]]:
        """Parameters without a gradient and labels without a reader, as mistakes and warnings."""
        if not self._reached:
            return [Mistake(f"the schedule '{self.spec.schedule.name}' moves nobody", ("schedule",))], []
        mistakes: list[Mistake] = []
        warnings = [f"the first step moves no {player}" for player in self.players if player not in self._reached]
        warnings += [f"the term {term} has no gradient: it changes nothing" for term in self._flat]
        for player, reached in self._reached.items():
            names = self.player(player).names()
            lost = [p for p in self.player(player).parameters if id(p) not in reached]
            spare = self._spare(lost)
            for network, role in self._roles.items():
                own = [p for p in lost if names[id(p)].startswith(f"{network}.")]
                dead = ", ".join(names[id(p)] for p in own if id(p) not in spare)
                idle = ", ".join(names[id(p)] for p in own if id(p) in spare)
                if dead:
                    mistakes.append(Mistake(f"no gradient of the {player}'s terms reaches {dead}", (role,)))
                if idle:
                    warnings.append(f"no term of the {player} uses the outputs of {idle}: they stay as they are")
        if self.parts.task.classes is not None:
            mistakes += self._deaf()
        return mistakes, warnings

    def _deaf(self) -> list[Mistake]:
        found = []
        for name, role in self._roles.items():
            classifies = role == "discriminator" and "class_logits" in self.spec.discriminator.provides
            if role in ("generator", "discriminator") and name not in self._tracker.label_readers and not classifies:
                message = f"{self.component(name)} ignores the labels of a conditional run"
                found.append(Mistake(message, (role,), hint="set conditional: false, or take one that uses labels"))
        return found

    def _spare(self, parameters: list[nn.Parameter]) -> set[int]:
        """Those that do reach an output of their network: a head that nobody asks, not a mistake."""
        found: set[int] = set()
        for name, (args, kwargs) in self._calls.items():
            if parameters:
                outputs = tensors_of(self.networks[name](*args, **kwargs))
                wanted = [t.sum() for t in outputs if t.requires_grad]
                gradients = torch.autograd.grad(wanted, parameters, allow_unused=True) if wanted else ()
                found |= {id(p) for p, g in zip(parameters, gradients, strict=False) if g is not None}
        return found

    def component(self, name: str) -> str:
        """A network's component, as messages have it."""
        role = self._roles[name]
        component = getattr(self.spec, role).name
        return f"the {role} '{component}'" + (f" ({name})" if name != role else "")

    def summary(self, name: str) -> NetworkSummary:
        """The figures of one network."""
        parameters = list(self.networks[name].parameters())
        takes, gives = self._shapes.get(name, ("-", "-"))
        return NetworkSummary(
            component=getattr(self.spec, self._roles[name]).name,
            parameters=sum(p.numel() for p in parameters),
            trainable=sum(p.numel() for p in parameters if p.requires_grad),
            takes=takes,
            gives=gives,
        )


def _shape(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " + ".join(map(_shape, value))
    if not isinstance(value, Tensor):
        return type(value).__name__
    return "(" + ", ".join(map(str, value.shape[1:])) + ")" if value.dim() > 1 else "one number"


def _whole(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
