"""WAV files of every kind, written byte by byte."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest

from pipeline.data.folders import BadFileError
from pipeline.data.wav_files import rate_of, samples

RATE = 8000
WAVE = np.sin(np.arange(400) / 5) * 0.5
PCM = bytes.fromhex("0100000000001000800000aa00389b71")  # of a sub-format


def body(bits):
    """Samples of a number of bits, little-endian."""
    numbers = np.round(WAVE * 2 ** (bits - 1)).astype(np.int64)
    if bits == 8:
        return (numbers + 128).astype(np.uint8).tobytes()
    return b"".join(int(n).to_bytes(bits // 8, "little", signed=True) for n in numbers)


def wav(bits, extensible=False, length=None):
    """The bytes of a file of one channel."""
    content, width = body(bits), bits // 8
    tag = 0xFFFE if extensible else 1
    header = struct.pack("<HHIIHH", tag, 1, RATE, RATE * width, width, bits)
    if extensible:
        header += struct.pack("<HHI", 22, bits, 4) + PCM
    length = len(content) if length is None else length
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", length) + content
    size = min(4 + len(chunks), 2**32 - 1)
    return b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_samples_of_every_width(tmp_path, bits, extensible):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(bits, extensible))
    rate, clip = samples(path)
    assert rate == rate_of(path) == RATE
    assert clip.dtype == np.float32 and clip.shape == WAVE.shape
    assert np.allclose(clip, WAVE, atol=2.0 ** (2 - min(bits, 20)))


@pytest.mark.parametrize("length", [2**32 - 1, 5000])
def test_a_wrong_length_in_the_header_is_not_believed(tmp_path, length):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(16, length=length))
    assert np.allclose(samples(path)[1], WAVE, atol=1e-3)


def test_sixteen_bits_are_divided_by_32768(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(16))
    numbers = np.frombuffer(body(16), "<i2")
    assert np.array_equal(samples(path)[1], (numbers / 32768).astype(np.float32))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"fLaC" + bytes(80), wav(16)[:44]])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match="not a readable WAV file|no samples"):
        samples(path)


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(BadFileError, match="not a regular file"):
        samples(tmp_path / "a.wav")
    assert rate_of(tmp_path / "a.wav") == 0
