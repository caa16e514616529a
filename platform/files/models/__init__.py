"""Files, the room that they take, and uploads in parts."""

from files.models.space import Space
from files.models.stored_file import StoredFile
from files.models.upload import Upload, UploadPart

__all__ = ["Space", "StoredFile", "Upload", "UploadPart"]
