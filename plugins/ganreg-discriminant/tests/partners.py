"""A plugin of one file, with the discriminator that heads are tried on, so that they hang on no other plugin."""

from pydantic import PositiveInt

from ganreg import Discriminator, hookimpl


class Judge(Discriminator, name="judge"):
    """A convolution of stride 2 leaves `features`; a linear layer and the label's projection read them, flattened."""

    provides = frozenset({"features", "embedding"})
    width: PositiveInt = 4

    def build(self, task):
        import torch
        from torch import nn

        from ganreg import DiscriminatorOutput

        class JudgeNetwork(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Conv2d(task.image[0], width, 3, stride=2, padding=1)
                self.linear = nn.Linear(size, 1)
                self.label_projection = nn.Embedding(task.classes, size) if task.classes else None

            def forward(self, images, labels=None):
                seen = self.body(images).tanh()
                embedding = seen.flatten(1)
                logits = self.linear(embedding).squeeze(1)
                if self.label_projection is not None:
                    logits = logits + (self.label_projection(labels) * embedding).sum(dim=1)
                return DiscriminatorOutput(logits, (seen,), embedding)

        width = self.width
        size = torch.Size([width, *((side + 1) // 2 for side in task.image[1:])]).numel()
        return JudgeNetwork()


@hookimpl
def ganreg_components():
    return [Judge]
