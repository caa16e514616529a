"""OpenAI-compatible servers as one engine: vLLM, SGLang, Ray Serve LLM, llama.cpp, and our own."""

from inference.engines.remote.address import BadRemote, RemoteAddress
from inference.engines.remote.engine import RemoteEngine

__all__ = ["BadRemote", "RemoteAddress", "RemoteEngine"]
