"""all-MiniLM-L6-v2, int8: the mean over all positions, 5 ms a text on a quiet core."""

from __future__ import annotations

import numpy
import onnxruntime
from tokenizers import BertWordPieceTokenizer

from app.encoder import Matrix, one_file
from app.settings import Settings

LONGEST = 128  # tokens; past 512 positions the model fails


class Model:
    """The ONNX file in the image and the vocabulary beside the app."""

    def __init__(self, settings: Settings) -> None:
        model = one_file(settings.models / "encoder", "*.onnx")
        words = one_file(settings.vocabulary, "vocab.txt")
        self.files = (model, words)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options)
        self._inputs = [put.name for put in self._session.get_inputs()]
        self._tokenizer = BertWordPieceTokenizer(str(words), lowercase=True)
        self._tokenizer.enable_truncation(LONGEST)

    def vector(self, text: str) -> Matrix:
        """Runs the model on one text: no padding, so nothing depends on its neighbours."""
        tokens = self._tokenizer.encode(text)
        known = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        given = {name: numpy.array([known[name]], "i8") for name in self._inputs}
        mean: Matrix = self._session.run(None, given)[0][0].mean(0)
        return mean
