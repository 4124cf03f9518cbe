"""What ``fuzz.py`` sends its files through: every place that decodes bytes from outside, with whole files to damage."""

from __future__ import annotations

import fuzz_archives
import fuzz_datasets
import fuzz_own_files
import fuzz_pictures
import fuzz_recordings

DECODERS = {
    decoder.name: decoder
    for room in (fuzz_pictures, fuzz_recordings, fuzz_datasets, fuzz_archives, fuzz_own_files)
    for decoder in room.DECODERS
}
