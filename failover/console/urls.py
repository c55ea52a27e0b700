"""Addresses of ``failover``: overview, policies, events, and their live fragments."""

from __future__ import annotations

from django.urls import path

from failover.console import order_views, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("policies/", views.policies, name="policies"),
    path("policies/<int:policy_id>/", views.policy, name="policy"),
    path("events/", views.events, name="events"),
    path("_/overview/", views.overview_live, name="overview-live"),
    path("_/policies/", views.policies_live, name="policies-live"),
    path("_/policies/<int:policy_id>/live/", views.policy_live, name="policy-live"),
    path("_/policies/<int:policy_id>/plan/", views.policy_plan, name="policy-plan"),
    path(
        "_/policies/<int:policy_id>/order/<str:kind>/",
        order_views.policy_order,
        name="policy-order",
    ),
    path(
        "_/policies/<int:policy_id>/orders/<uuid:uid>/",
        order_views.policy_order_result,
        name="policy-order-result",
    ),
    path("_/events/", views.events_live, name="events-live"),
]
