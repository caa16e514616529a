"""From a folder to its server: a model that generates, or one that only reads texts."""

from inference import encoders
from inference.engines.local import loading
from inference.engines.local.embedding import loading as encoder_loading
from inference.engines.local.embedding.server import EncoderServer
from inference.engines.local.loading import LoadingFailed, LoadOptions
from inference.engines.local.server import EngineServer
from inference.engines.local.serving import ModelServer
from inference.model_files import ModelRefused, read_json


def open_server(options: LoadOptions, secret: str | None) -> ModelServer:
    """Raises LoadingFailed."""
    try:
        config = read_json(options.folder / "config.json")
    except ModelRefused as error:
        raise LoadingFailed(f"The model in {options.folder} is refused: {error}") from error
    if encoders.architecture(config):
        return EncoderServer(encoder_loading.load(options), secret)
    return EngineServer(loading.load(options), secret)
