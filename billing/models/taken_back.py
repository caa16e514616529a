"""What a provider took back of a payment, for the payer or for their bank."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.models.journal import Journal


class TakenBack(models.Model):
    """Kept though nobody knows the payment (yet): its news may come later, or be another site's."""

    id = models.CharField(
        primary_key=True, max_length=255, help_text="The provider's name of the refund or dispute."
    )
    payment_ref = models.CharField(max_length=255, db_index=True, help_text="And of the payment.")
    amount = models.BigIntegerField(null=True, help_text="Nano-dollars; empty: all that is left.")
    journal = models.OneToOneField(
        Journal, on_delete=models.PROTECT, related_name="+", db_constraint=False, null=True
    )
    undone = models.BooleanField(
        default=False, db_default=False, help_text="It came to nothing: the refund failed."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["TakenBack"]] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gt=0), name="taken_back_is_positive"
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} of {self.payment_ref}"
