"""Policies: their configuration, their present and their events."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import Prefetch, QuerySet
from django_filters import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.descriptions import FailoverSnapshotSerializer, PolicyStateSerializer
from export.api.filters import EventFilter, PolicyFilter
from export.api.pagination import NewestFirst
from export.api.serializers import EventSerializer, PolicySerializer
from export.api.views.base import StrictApiView, StrictViewSet
from export.site_scope import events_of, policies_of
from export.snapshots import failover_snapshot, policy_state
from failover.models import FailoverEvent, FailoverPolicy, PolicyMember
from failover.selectors import policies_now


class PolicyViewSet(StrictViewSet):
    """What decides where traffic goes."""

    queryset = FailoverPolicy.objects.none()
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter

    def get_queryset(self) -> QuerySet[FailoverPolicy]:
        """Three queries for a page."""
        members = Prefetch("members", PolicyMember.objects.order_by("position"))
        return policies_of(self.site_id).prefetch_related(members, "routes")

    @extend_schema(
        operation_id="policies_state",
        summary="Present of a policy",
        responses=PolicyStateSerializer,
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def state(self, request: Request, pk: int) -> Response:
        """Where the policy's traffic is, why, what runs out, and what each candidate lacks."""
        self.get_object()
        return Response(policy_state(policies_now(only=[pk])[0]))


class EventViewSet(StrictViewSet):
    """The audit trail, newest first; events are only ever added."""

    queryset = FailoverEvent.objects.none()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[FailoverEvent]:
        """One query for a page."""
        return events_of(self.site_id)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """As filtered, after a look at the span: a reversed one would look like silence."""
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        if self.action == "list":
            _check_span(self.filterset_class(self.request.query_params, queryset))
        return rows


def _check_span(filters: FilterSet) -> None:
    filters.is_valid()
    since, until = (filters.form.cleaned_data.get(name) for name in ("since", "until"))
    if since is not None and until is not None and until < since:
        raise ValidationError({"since": ["until lies before since; exchange the two."]})


class FailoverSnapshotView(StrictApiView):
    """All policies in one answer."""

    queryset = FailoverPolicy.objects.none()

    @extend_schema(
        operation_id="failover_snapshot",
        summary="Present of all policies",
        responses=FailoverSnapshotSerializer,
    )
    def get(self, request: Request, **_: Any) -> Response:
        """Every policy with its members and the path that carries its traffic."""
        return Response(failover_snapshot(policies_of(self.site_id), now=time.time()))
