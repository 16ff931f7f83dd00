"""Any folder of pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveInt

from ganreg import Dataset, Task
from ganreg.task import DatasetInfo
from ganreg_datasets.listing import Listing, find

if TYPE_CHECKING:
    from ganreg_datasets.cache import CachedPictures


class ImageFolder(Dataset, name="image-folder"):
    """Pictures from a folder, of any sizes and modes: one class per sub-folder, or all in the folder without classes.

    They are resized once, by Lanczos with antialiasing, into a memory-mapped cache that is used again until a file
    is added, removed or changed. EXIF orientation is applied; transparent pictures are laid on white; of an animation
    the first frame counts; 16 bits become 8. Files that do not end like a picture, hidden ones, and sub-folders
    without a picture are passed over. Pictures beyond Pillow's limit of pixels count as broken.
    """

    folder: Path = Field(description="folder of pictures, or of one sub-folder per class; ~ is expanded")
    size: PositiveInt = Field(64, le=4096, description="side in pixels of the square pictures, at most 4096")
    channels: Literal[1, 3] = Field(3, description="3 for RGB, 1 for grey (luma, ITU-R BT.601)")
    resize: Literal["crop", "stretch"] = Field(
        "crop", description="how a picture becomes square: its centre is cut out, or it is squashed"
    )
    broken: Literal["fail", "skip"] = Field(
        "fail", description="a picture that cannot be read ends the run, or is left out with a warning"
    )
    cache: Path | None = Field(
        None, description="folder of the resized pictures; null for ganreg's in the user's cache folder; ~ is expanded"
    )

    def info(self) -> DatasetInfo:
        """Shapes, count and classes; files are counted, not opened: with `broken: skip` fewer pictures may be left."""
        listing = self._find()
        return DatasetInfo(
            image=(self.channels, self.size, self.size), count=len(listing.files), classes=listing.classes
        )

    def build(self, task: Task) -> CachedPictures:
        """The resized pictures, from the cache; resizes them where they are not there yet."""
        from ganreg_datasets.cache import prepare
        from ganreg_datasets.pictures import Form

        form = Form(size=self.size, channels=self.channels, resize=self.resize)
        return prepare(self._find(), form, cache=self._cache(), skip=self.broken == "skip")

    def _find(self) -> Listing:
        return find(Path(os.path.expanduser(self.folder)))

    def _cache(self) -> Path:
        if self.cache is not None:
            return Path(os.path.expanduser(self.cache))
        from platformdirs import user_cache_path

        return user_cache_path("ganreg", appauthor=False) / "image-folder"
