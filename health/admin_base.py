"""What all admin pages share: read-only records, and a way back to the console."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    BaseModelAdmin = admin.ModelAdmin[Any]
    BasePaginator = Paginator[Any]
else:  # generic for the type checker only
    BaseModelAdmin, BasePaginator = admin.ModelAdmin, Paginator


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
