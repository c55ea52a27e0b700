"""What all admin pages share: read-only records, and a way back to the console."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import models
from django.db.models.deletion import get_candidate_relations_to_delete
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    BaseModelAdmin = admin.ModelAdmin[Any]
    BasePaginator = Paginator[Any]
else:  # generic for the type checker only
    BaseModelAdmin, BasePaginator = admin.ModelAdmin, Paginator


MOST_PROTECTED = 20
"""So many rows that stand in the way of a deletion are named."""


class ConsoleModelAdmin(BaseModelAdmin):
    """Saving leads back to the console page that ``?next=`` names; lists never count twice."""

    show_full_result_count = False
    list_per_page = 50

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Back to where Edit was clicked."""
        return self._back(request) or super().response_post_save_change(request, obj)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """Back to where Add was clicked."""
        return self._back(request) or super().response_post_save_add(request, obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Tell what the forms warn of: it works, but deserves a word."""
        super().save_related(request, form, formsets, change)
        for formset in formsets:
            for warning in getattr(formset, "warnings", ()):
                messages.warning(request, warning)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Records go with what they are about: nobody needs a right to delete them alone."""
        rows, counts, lacking, protected = super().get_deleted_objects(objs, request)
        records = {
            str(model._meta.verbose_name)
            for model, model_admin in self.admin_site._registry.items()  # noqa: SLF001 - no public list
            if isinstance(model_admin, RecordAdmin)
        }
        return rows, counts, set(lacking) - records, protected

    def _back(self, request: HttpRequest) -> HttpResponseRedirect | None:
        target = request.GET.get("next", "")
        safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target[:1] == "/"
        return HttpResponseRedirect(target) if safe else None


class CountedDeletion(ConsoleModelAdmin):
    """Says how much goes with what is deleted, instead of reading and listing every row."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """As Django's, but with one count for each kind of row; two levels, no deeper."""
        keys = [one.pk for one in objs]
        counts = {str(self.opts.verbose_name_plural): len(keys)}
        lacking = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        protected: list[str] = []
        relations: Iterable[Any] = get_candidate_relations_to_delete(self.opts)
        for relation in relations:
            model = relation.related_model
            rows = model.objects.filter(**{f"{relation.field.name}__in": keys})
            if relation.on_delete in {models.PROTECT, models.RESTRICT}:
                protected += [str(row) for row in rows[:MOST_PROTECTED]]
            number = rows.count() if relation.on_delete is models.CASCADE else 0
            if number:
                counts[str(model._meta.verbose_name_plural)] = number
                if self._may_not_delete(model, request):
                    lacking.add(str(model._meta.verbose_name))
        return [str(one) for one in objs], counts, lacking, protected

    def _may_not_delete(self, model: type[models.Model], request: HttpRequest) -> bool:
        # Records go with what they are about: nobody needs a right to delete them alone.
        known = self.admin_site._registry.get(model)  # noqa: SLF001 - no public list
        if known is None or isinstance(known, RecordAdmin):
            return False
        return not known.has_delete_permission(request)


class RecordAdmin(BaseModelAdmin):
    """Rows that only the engine and the controller write: to be looked at, not touched."""

    show_full_result_count = False
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds records by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes records."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes records; retention does."""
        return False


class UncountedPaginator(BasePaginator):
    """Pages of a table with millions of rows, which nobody should wait to have counted."""

    COUNT_LIMIT = 10_000

    @property
    def count(self) -> int:
        """The number of rows, up to a limit beyond which nobody pages by hand."""
        if not hasattr(self, "_count"):
            rows = cast("models.QuerySet[Any]", self.object_list)
            self._count = len(rows.order_by().values_list("pk")[: self.COUNT_LIMIT])
        return self._count


def moment(seconds: float | None) -> dt.datetime | None:
    """Seconds since 1970 as a time in the reader's zone."""
    if not seconds:
        return None
    return dt.datetime.fromtimestamp(seconds, timezone.get_current_timezone())
