"""All settings of Pathwarden; configuration comes from the environment only (docs/settings.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdwan_site.database_url import database_from_url
from sdwan_site.email_url import email_from_url
from sdwan_site.env import (
    env_bool,
    env_choice,
    env_duration,
    env_list,
    env_name,
    env_networks,
    env_str,
)
from sdwan_site.logs import logging_config
from sdwan_site.secret_key import load_or_create_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("PATHWARDEN_DATA_DIR", str(BASE_DIR / "var"))).resolve()
VANTAGE = env_name("PATHWARDEN_VANTAGE", "local")

DEBUG = env_bool("PATHWARDEN_DEBUG")
SECRET_KEY = env_str("SECRET_KEY") or load_or_create_secret_key(DATA_DIR / "secret_key")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

# --- applications ---------------------------------------------------------------
INSTALLED_APPS = [
    "sdwan_site",
    "export",
    "failover",
    "health",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_prometheus",
    "django_q",
    "axes",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "sdwan_site.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "sdwan_site.middleware.UserTimeZoneMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "sdwan_site.urls"
WSGI_APPLICATION = "sdwan_site.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps' own, so that templates/admin overrides Django's.
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sdwan_site.context_processors.console",
            ],
        },
    },
]

# --- database, cache, queue -------------------------------------------------------
DATABASES = {
    "default": database_from_url(env_str("DATABASE_URL"), DATA_DIR / "pathwarden.sqlite3"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_str("REDIS_URL")
if REDIS_URL:
    _shared_cache: dict[str, Any] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }
else:
    _shared_cache = {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(DATA_DIR / "cache"),
    }
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Read and written by several processes: cluster statistics, throttles.
    "shared": _shared_cache,
}

# One queue per cluster: "pathwarden" for housekeeping, one named after each
# vantage for its monitor loop. The loop ends after 50 minutes, so that
# loop age < timeout < retry always holds (docs/architecture.md).
MONITOR_LOOP_SECS = 3000
DEFAULT_CLUSTER = "pathwarden"
Q_CLUSTER: dict[str, Any] = {
    "name": DEFAULT_CLUSTER,
    "workers": 2,
    "bulk": 1,
    "queue_limit": 4,
    "poll": 0.2,
    "guard_cycle": 0.5,
    "timeout": 3300,
    "retry": 3600,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 100,
    "save_limit_per": "func",
    "recycle": 500,
    "cache": "shared",
    "label": "Background tasks",
    # Must exist: with Q_CLUSTER_NAME set, django-q2 fails without the key.
    "ALT_CLUSTERS": {},
}
Q_CLUSTER |= {"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}

# --- people -----------------------------------------------------------------------
AUTH_USER_MODEL = "sdwan_site.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "sdwan_site.client_address.address_for_lockout"

# --- programs -----------------------------------------------------------------------
KNOX_TOKEN_MODEL = "sdwan_site.ApiToken"  # noqa: S105 - the name of a model
# Our own token model stands in for knox's, whose migrations would leave an unused
# table with a reference to our users.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token"}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "export.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["export.api.permissions.ModelPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["export.api.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "export.api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "export.api.problems.problem_response",
    "PAGE_SIZE": 100,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pathwarden API",
    "DESCRIPTION": "Health of WAN paths, state of failover policies, and their history.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "KindEnum": "health.models.paths.prober_choices",
        "OrderKindEnum": "failover.models.orders.OrderKind",
        "RouteStateEnum": "health.models.uplink_measurements.ROUTE_CHOICES",
    },
}
METRICS_TOKEN = env_str("PATHWARDEN_METRICS_TOKEN")
METRICS_ALLOW = env_networks("PATHWARDEN_METRICS_ALLOW", ("127.0.0.0/8", "::1/128"))
# django-prometheus opens a port in every management command when this is set.
PROMETHEUS_METRICS_EXPORT_PORT = None
PROMETHEUS_EXPORT_MIGRATIONS = False

# --- history ------------------------------------------------------------------------
RETENTION_RAW = env_duration("PATHWARDEN_RETENTION_RAW", "48h")

# --- mail ---------------------------------------------------------------------------
globals().update(email_from_url(env_str("EMAIL_URL")))

# --- transport security ---------------------------------------------------------------
HTTPS = env_choice("PATHWARDEN_HTTPS", ("off", "on", "proxy"), "off")
TRUSTED_PROXIES = env_networks("PATHWARDEN_TRUSTED_PROXIES", ())
SECURE_SSL_REDIRECT = HTTPS == "on"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS != "off"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS != "off" else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_REFERRER_POLICY = "same-origin"
if HTTPS == "proxy":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "sdwan_site.views.errors.csrf_failure"

# --- language, time, static files --------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env_str("TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS: list[Path] = []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "sdwan_site.staticfiles.HashedStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

LOG_FORMAT = env_choice("PATHWARDEN_LOG_FORMAT", ("console", "json"), "console")
LOGGING = logging_config(LOG_FORMAT, debug=DEBUG)

# What `check --deploy` asks beyond what is right for every installation: only the
# owner of a domain can decide about its other hosts.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
