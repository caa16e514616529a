"""The catalog's two tables: models that this server can serve, and other names for them."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation
from accounts.names import require_model_name
from inference.engines.remote.address import SCHEMES, BadRemote, RemoteAddress

NAME_LENGTH = 200


class ServedModelQuerySet(models.QuerySet["ServedModel"]):
    def visible_to(self, organisation_id: str) -> "ServedModelQuerySet":
        """Everybody's models and this organisation's own."""
        return self.filter(Q(organisation=None) | Q(organisation_id=organisation_id))

    def installed(self) -> "ServedModelQuerySet":
        return self.filter(state=ServedModel.State.INSTALLED)

    def local(self) -> "ServedModelQuerySet":
        """What needs an engine process on this machine; what failed is tried again and again."""
        wanted = self.exclude(state=ServedModel.State.NOT_INSTALLED)
        return wanted.filter(engine__startswith="local:")


class ServedModel(models.Model):
    """One row of the catalog. Its prices stand in billing, under the same id."""

    class State(models.TextChoices):
        INSTALLED = "installed"
        NOT_INSTALLED = "not_installed"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=NAME_LENGTH, validators=[require_model_name])
    engine = models.CharField(
        max_length=1024,
        blank=True,
        help_text="local:<folder>, engine:unix:<path>, engine:tcp:<host>:<port>, scripted: or "
        "http://<host>/v1, with more replicas and options behind it (docs/scaling-out.md).",
    )
    context_window = models.PositiveIntegerField(help_text="Tokens of prompt and answer together.")
    default_max_output = models.PositiveIntegerField(
        default=1024, help_text="Output tokens of a call that sets no max_tokens."
    )
    capabilities = models.JSONField(default=list, help_text='Such as ["chat", "completions"].')
    provider = models.CharField(max_length=100, blank=True)
    owned_by = models.CharField(max_length=100, default="smarter")
    best_for = models.CharField(max_length=300, blank=True)
    parameters = models.PositiveBigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.NOT_INSTALLED)
    failure = models.TextField(blank=True, help_text="Why the engine could not load it.")
    organisation = models.ForeignKey(
        Organisation,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Only this organisation may call it; empty: everybody.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ServedModelQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = "model"
        constraints = [
            models.CheckConstraint(
                name="an_installed_model_has_an_engine",
                condition=~Q(state="installed") | ~Q(engine=""),
            ),
            models.CheckConstraint(
                name="a_model_has_room_for_output",
                condition=Q(context_window__gt=0, default_max_output__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    def note_failure(self, why: str) -> None:
        """Its engine cannot load it; calls are refused until `note_loaded`.

        Neither writes over what somebody has changed since this row was read.
        """
        if (self.state, self.failure) != (self.State.FAILED, why):
            self._became(self.State.FAILED, why)

    def note_loaded(self) -> None:
        if self.state == self.State.FAILED:
            self._became(self.State.INSTALLED, "")

    def _became(self, state: State, failure: str) -> None:
        as_read = ServedModel.objects.filter(pk=self.pk, engine=self.engine, state=self.state)
        as_read.update(state=state, failure=failure)

    def clean(self) -> None:
        if self.engine.startswith(SCHEMES):
            try:
                RemoteAddress.read(self.engine)
            except BadRemote as error:
                raise ValidationError({"engine": str(error)}) from error
        alias = ModelAlias.objects.filter(name=self.id).first()
        if alias and self.state == self.State.INSTALLED:
            raise ValidationError(f"{self.id} is an alias of {alias.model_id}: remove that first.")


class ModelAlias(models.Model):
    """Another name of a model, at the same price. It may cover a row that is not installed."""

    name = models.CharField(
        primary_key=True, max_length=NAME_LENGTH, validators=[require_model_name]
    )
    model = models.ForeignKey(ServedModel, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        ordering = ["name"]
        verbose_name = "alias"
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"{self.name} → {self.model_id}"

    def clean(self) -> None:
        if self.name == self.model_id:
            raise ValidationError(f"{self.name} cannot be an alias of itself.")
        if ServedModel.objects.installed().filter(pk=self.name).exists():
            raise ValidationError(f"{self.name} is an installed model: choose another name.")
