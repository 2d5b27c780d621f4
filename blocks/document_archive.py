"""The block that reaches one archive of documents."""

from typing import TYPE_CHECKING, ClassVar

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import Field, HttpUrl

if TYPE_CHECKING:
    from accord.archive import Archive


class DocumentArchive(Block):
    """Where the PDFs of invoices are kept for good: a folder, S3, Google Cloud Storage or Azure Blob Storage.

    Example:
        Save an archive, and use it:
        ```python
        from blocks import DocumentArchive

        DocumentArchive(url="file:///var/lib/accord/archive").save("BLOCK_NAME")
        archive = DocumentArchive.load("BLOCK_NAME").connect()
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-document-archive"
    _block_type_name: ClassVar[str] = "Document archive"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://developmentseed.org/obstore/latest/getting-started/")

    url: str = Field(
        default=...,
        description="file:///absolute/folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
    )
    options: SecretDict = Field(
        default_factory=lambda: SecretDict({}),
        description="What the kind of store needs, by obstore's names: credentials, region, endpoint.",
    )

    def connect(self) -> "Archive":
        """The archive. Raises Misconfigured where URL or options are malformed."""
        from accord.archive import open_archive  # here: a run without an archive must not pay for it

        setting = f"the URL of the document archive block {self._block_document_name or ''}".rstrip()
        options = {name: str(value) for name, value in self.options.get_secret_value().items()}
        return open_archive(self.url, options, setting)
