"""Play: one player's turn on one batch. Each quantity is made when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial, reduce
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor, nn

from ganreg.batch import Batch, DiscriminatorOutput
from ganreg.engine.counters import Counter
from ganreg.engine.outputs import as_output, detached
from ganreg.engine.rows import Rows
from ganreg.engine.scaled_loss import ScaledLoss
from ganreg.engine.second_derivatives import twice_differentiable
from ganreg.engine.streams import Stream

if TYPE_CHECKING:
    from ganreg.engine.match import Match


SAID = ("real_output", "fake_output")  # in one order: processes gather in turn
"""What discriminators may have said in a play."""
MADE = {"pictures", "real", "source", "noise", "z", "fake", *SAID}
"""What a play may have made."""


class Play:
    """What a game, a loss and a penalty see of a turn.

    Only the parameters of the player whose turn it is require gradients. So in the discriminator's turn the fakes
    carry no generator graph, and in the generator's turn gradients pass through a frozen discriminator.

    player: whose turn it is. step: the step of the run, from 0. turn: which turn of that player within the step.
    updates: how often that player had moved when the turn began, so `updates % every == 0` where a penalty is due.
    notes: free for parts that want to remember something until `after_update`, each under a key of its own such as
    itself; gone with the turn.

    Where several processes play together, all of this is of the rows that are this one's, and the mean of the terms
    of all is what the player minimizes. The run's loss is given what the discriminators of all have said; `gather`
    does it for anything else. Where a batch is cut into parts (`train.accumulate`), each is a play.

    In `after_update`, `real_output` and `fake_output` are those of the whole batch, of all parts and processes; who
    first looks at one there has it made with the weights as they are by then. The rest is the last part's; `parts` has
    the others'. Nothing has a graph any more.
    """

    step = Counter()
    updates = Counter()

    def __init__(
        self,
        match: Match,
        player: str,
        turn: int,
        batch: Callable[[], Batch],
        rows: Rows,
    ) -> None:
        self._match = match
        self._rows = rows
        self._load = batch
        self._draws = 0
        self.notes: dict[Any, Any] = {}
        self.gathered: list[Tensor] = []
        self._before: Sequence[Play] = ()
        self._over = False
        self.player = player
        self.step = match.step_index
        self.turn = turn
        self.updates = match.player(player).updates

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """All networks of the game, by name."""
        return self._match.networks

    @property
    def loss(self) -> ScaledLoss:
        """The run's loss; discriminators of several scales, and outputs of other processes, are dealt with inside."""
        if not self._rows.together:
            return self._match.loss
        return self._match.loss.of(partial(self._rows.of_part, features=self._match.reading.loss_reads_features))

    @property
    def batch_size(self) -> int:
        """Pictures of the whole turn, of which `real` may be a part."""
        return self._match.spec.train.batch_size

    @property
    def parts(self) -> tuple[Play, ...]:
        """In `after_update`: the plays of all parts of the batch, this one last."""
        return (*self._before, self)

    def parameters(self) -> list[nn.Parameter]:
        """The trainable parameters of the player whose turn it is."""
        return self._match.player(self.player).parameters

    @cached_property
    def _batch(self) -> Batch:
        """The real side of the turn. A player that never looks at it does not wait for it."""
        return self._load()

    @cached_property
    def pictures(self) -> Tensor:
        """The pictures of the batch, (N, C, H, W) in [-1, 1]."""
        return self._match.current_stage.fit(self._batch.images)

    @cached_property
    def real(self) -> Tensor:
        """What is presented as real, (N, C, H, W) in [-1, 1]: the batch's pictures, unless the game says else."""
        images: Tensor = self._game("real")(self)
        return images

    @cached_property
    def labels(self) -> Tensor | None:
        """(N,) int64, the classes of the batch, for real and generated pictures alike; None when unconditional."""
        return None if self._match.parts.task.classes is None else self._batch.labels

    @cached_property
    def source(self) -> Tensor | None:
        """Source pictures of image-to-image data, (N, C, H, W) in [-1, 1], or None."""
        if self._match.parts.task.source is None or self._batch.source is None:
            return None
        return self._match.current_stage.fit(self._batch.source)

    @cached_property
    def noise(self) -> Tensor:
        """(N, latent) noise of this turn, as drawn; that of the other players' turns of the same number."""
        return self._match.sources.noise_of_turn(self.step, self.turn)[self._rows.own]

    @cached_property
    def z(self) -> Tensor:
        """(N, latent) `noise`, after the schedule's refinement where there is one."""
        return self._match.refined(self, self.noise)

    @cached_property
    def fake(self) -> Tensor:
        """Generated pictures, (N, C, H, W).

        Where the other player's turn of the same number has made them, and the generator has not moved since, they are
        those: no forward is done twice.
        """
        return self._match.fakes.of(self)

    @cached_property
    def real_output(self) -> DiscriminatorOutput:
        """What the discriminator says of the real side."""
        return self._said("real_output")

    @cached_property
    def fake_output(self) -> DiscriminatorOutput:
        """What the discriminator says of the generated side."""
        return self._said("fake_output")

    def generate(
        self,
        z: Tensor | None = None,
        labels: Tensor | None = None,
        network: str = "generator",
        *,
        source: Tensor | None = None,
    ) -> Tensor:
        """Pictures from another forward of a generator; z, labels and source default to the turn's."""
        z = self.z if z is None else z
        labels = self.labels if labels is None else labels
        source = self.source if source is None else source
        images: Tensor = self._network(network)(*(() if source is None else (source,)), z, labels)
        return images

    def discriminate(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        network: str = "discriminator",
        *,
        augment: bool = True,
        **extra: Any,
    ) -> DiscriminatorOutput:
        """Another forward of a discriminator, through the run's augmentation unless told otherwise.

        labels default to the turn's; `extra` goes to the network's forward as it is. Several times the batch, one copy
        after another, are augmented as the batch would be whatever the processes.
        """
        labels = self.labels if labels is None else labels
        if augment and self._match.parts.augment is not None:
            shape = images.shape
            images = self._match.parts.augment(images, self.random("augment", len(images)))
            if images.shape != shape:
                raise ValueError(f"the augmentation made {tuple(images.shape)} of {tuple(shape)}")
        return as_output(self._network(network)(images, labels, **extra), labels)

    def gradients(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The discriminator's gradient at pictures, (N, C, H, W), of its logits summed over patches and scales.

        The pictures are taken as they are, cut from where they come from; the gradient has a graph to the weights.
        labels default to the turn's.
        """
        images = images.detach().requires_grad_()
        return self.gradients_of(self.discriminate(images, labels), images)

    @staticmethod
    def gradients_of(output: DiscriminatorOutput, inputs: Tensor) -> Tensor:
        """The gradient of all logits, summed, by what they were made of, in its shape; it has a graph in turn.

        A picture's logits hang on no other picture, unless there is batch normalization: so these are each one's own.
        """
        logits = reduce(torch.add, [scale.logits.sum() for scale in output.scales()])
        (gradients,) = torch.autograd.grad(logits, inputs, create_graph=True)
        return gradients

    def between(self, purpose: str) -> Tensor:
        """u·real + (1 - u)·fake, (N, C, H, W), with u ~ U[0, 1) drawn per picture for a purpose."""
        share = self.random(purpose).uniform(len(self.real), 1, 1, 1)
        return self.fake + share * (self.real - self.fake)

    def random(self, purpose: str, count: int | None = None) -> Stream:
        """Random numbers for one purpose of this turn; each call is a stream of its own.

        Of several processes, and of the parts of a batch, each is given the rows that are its own of what is drawn for
        the whole: numbers of pictures have these for their first size, (N, …). count: of how many pictures, where it
        is not N: a multiple of it, the batch as often as that, one after another; 0 for numbers that are of none, and
        the same in all processes and parts whatever their sizes. Of a permutation each has its own rows'.
        """
        self._draws += 1
        share = self._rows.share
        if share and count is not None:
            share = replace(share, copies=count // share.count) if count and count % share.count == 0 else None
        return self._match.sources.stream(purpose, self.step, self.player, self.turn, self._draws, share=share)

    @overload
    def gather(self, value: Tensor) -> Tensor: ...

    @overload
    def gather(self, value: DiscriminatorOutput) -> DiscriminatorOutput: ...

    def gather(self, value: Tensor | DiscriminatorOutput) -> Tensor | DiscriminatorOutput:
        """The rows (N, …) of all processes that play the turn; a number counts as one row. Alone, the value as it is.

        For what a part computes over the batch: `play.gather(lengths).mean()`, or of outputs, without their features,
        `play.gather(play.fake_output)`. Gradients pass through it. All processes have to come by, whatever their rows.
        What each makes of them may differ, as where its own pictures are set against all: gradients are summed over
        the processes. It is what is said of pictures that is gathered, not pictures to be shown to `discriminate`: all
        processes would augment them, each otherwise. In `after_update` outputs are those of all already.
        """
        if isinstance(value, DiscriminatorOutput):
            return self._rows.of_part(value, features=False, gather=self._gather)
        return self._gather(value) if self._rows.together else value

    def let_go(self, fields: Mapping[str, Any]) -> None:
        """Put other values in fields of the outputs: the backward pass then frees activations once it has used them."""
        for name in vars(self).keys() & SAID:
            output = vars(self)[name]
            if any(getattr(output, field) is not empty for field, empty in fields.items()):
                vars(self)[name] = replace(output, **fields)

    def rest(self) -> None:
        """The gradients of this part are there: what is kept for those that listen is cut from its graph."""
        for name in MADE & vars(self).keys():
            vars(self)[name] = detached(vars(self)[name])

    @torch.no_grad()
    def close(self, before: Sequence[Play]) -> None:
        """The turn is over: what the discriminators have said is that of the whole batch from now on.

        before: the plays of the parts of the batch that came before this one.
        """
        self._before, self._over = before, True
        if self._rows.share is None:
            return
        said = {name: [vars(part).get(name) for part in self.parts] for name in SAID}
        for name in SAID:
            vars(self).pop(name, None)
        vars(self).update(self._rows.complete(said, features=self._match.reading.listeners_read_features))

    @contextmanager
    def twice_differentiable(self) -> Iterator[None]:
        """Within, nothing comes from what is compiled or from fused attention: that is differentiated once alone.

        Relu and leaky relu have no second derivative there, where torch carries zeros through the network, and
        convolutions the one of their formula.
        """
        loss = self._match.loss
        compiled = {network: call for network in self.networks.values() if (call := network._compiled_call_impl)}
        made = set(SAID) if compiled else set()
        if made and "fake" in vars(self) and self.fake.requires_grad:
            made.add("fake")
        held: dict[str, Any] = {name: vars(self).pop(name) for name in made & vars(self).keys()}
        for network in compiled:
            network._compiled_call_impl = None
        eager, loss.eager = loss.eager, True
        try:
            with twice_differentiable():
                yield
        finally:
            loss.eager = eager
            for network, call in compiled.items():
                network._compiled_call_impl = call
            vars(self).update(held)

    def _said(self, name: str) -> DiscriminatorOutput:
        """What the discriminator says of a side; once the turn is over, of all of it."""
        if not self._over:
            output: DiscriminatorOutput = self._game(name)(self)
            return output
        with torch.no_grad():
            outputs = [self._game(name)(part) for part in self.parts]
            return self._rows.of_batch(outputs, features=self._match.reading.listeners_read_features)

    def _gather(self, tensor: Tensor) -> Tensor:
        """The rows of all processes, whose gradients all of them have to send, even one that makes nothing of them."""
        gathered = self._rows.world.gather(tensor)
        if gathered.requires_grad:
            self.gathered.append(gathered)
        return gathered

    def _network(self, name: str) -> nn.Module:
        if name not in self.networks:
            game = self._match.spec.game.name
            raise ValueError(f"the game '{game}' has no network '{name}': {', '.join(self.networks)}")
        return self.networks[name]

    def _game(self, method: str) -> Any:
        """A method of the built game, or of its component where what it built leaves that out."""
        return getattr(self._match.parts.game, method, None) or getattr(self._match.spec.game, method)
