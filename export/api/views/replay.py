"""A policy judged again over its recorded history, for programs that try out settings."""

from __future__ import annotations

import time
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.descriptions import ProblemSerializer
from export.api.permissions import ReplayPermissions
from export.api.problems import PROBLEM_JSON
from export.api.replay_shapes import ReplayResultSerializer, ReplaySerializer
from export.api.views.base import StrictApiView
from export.site_scope import policies_of
from failover.models import FailoverPolicy
from failover.replay_text import as_values
from failover.replays import ReplayRefused, replay_policy
from failover.selectors import policies_with_members

DEFAULT_SPAN_SECS = 86_400


class ReplayView(StrictApiView):
    """What other settings would have done; nothing is changed."""

    queryset = FailoverPolicy.objects.none()
    permission_classes = [ReplayPermissions]

    @extend_schema(
        operation_id="policies_replay",
        summary="Replay a policy over recorded history",
        request=ReplaySerializer,
        responses={
            200: ReplayResultSerializer,
            (415, PROBLEM_JSON): OpenApiResponse(ProblemSerializer, "The body is not JSON."),
        },
    )
    def post(self, request: Request, pk: int, **_: Any) -> Response:
        """Judge the policy anew over a span of its history, with settings to try out."""
        get_object_or_404(policies_of(self.site_id), pk=pk)
        body = ReplaySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        now = time.time()
        until = body.validated_data.get("until", now)
        since = body.validated_data.get("since", until - DEFAULT_SPAN_SECS)
        policy = policies_with_members().get(pk=pk)
        try:
            report = replay_policy(
                policy, body.validated_data["changes"], since=since, until=until, now=now
            )
        except ReplayRefused as refusal:
            field = refusal.field if refusal.field in body.fields else "changes"
            raise ValidationError({field: [str(refusal)]}) from None
        return Response(as_values(report))
