"""The settings: read once, checked at once, and no secret in any message."""

from __future__ import annotations

import pytest

from clipferry import settings
from clipferry.errors import ConfigurationError
from clipferry.setting_rules.secret_location import SecretLocation, read

SECRETS = {
    "DATABASE_URL": "postgresql://clipferry:pw-hunter2@db.example.com/clipferry?sslmode=verify-full",
    "STORAGE_ACCESS_KEY": "access-hunter2",
    "STORAGE_SECRET_KEY": "secret-hunter2",
    "CALLBACK_HMAC_SECRET": "hmac-hunter2-0123456789abcdef0123",
    "CALLBACK_HMAC_SECRET_PREVIOUS": "old-hunter2-0123456789abcdef01234",
    "EVOLINK_API_KEY": "sk-evo-hunter2",
    "KIE_API_KEY": "kie-hunter2",
    "BETTER_AUTH_SECRET": "auth-hunter2",
    "DATABASE_DIRECT_URL": "postgresql://clipferry:pw-hunter2@direct.example.com/clipferry?sslmode=require",
}
DEPLOYED = SECRETS | {
    "STAGE": "prod",
    "STORAGE_ENDPOINT": "https://account.r2.cloudflarestorage.com",
    "STORAGE_BUCKET": "videos",
    "STORAGE_DOMAIN": "https://cdn.example.com",
    "MIRROR_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/mirror",
}
REQUIRED = [
    "DATABASE_URL",
    "STORAGE_ENDPOINT",
    "STORAGE_ACCESS_KEY",
    "STORAGE_SECRET_KEY",
    "STORAGE_BUCKET",
    "CALLBACK_HMAC_SECRET",
    "MIRROR_QUEUE_URL",
]
LONG_WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NOT_DEPLOYABLE = {
    "ALLOW_LOOPBACK": "true",
    "STORAGE_DOMAIN": "",
    "CALLBACK_HMAC_SECRET": "short",
    "CALLBACK_HMAC_SECRET_PREVIOUS": "a",
    "DATABASE_URL": "postgresql://clipferry@db.example.com/clipferry",
    "DATABASE_DIRECT_URL": "postgresql://clipferry@db.example.com/clipferry?sslmode=disable",
    "AI_CALLBACK_URL": "http://api.example.com/api/v1/video/callback",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://secrets.example.com",
    "ALLOWED_ORIGINS": "http://app.example.com",
    "SUBMIT_DEADLINE_SECONDS": "3899",  # with the default of 3600 for the generation
}


GATEWAY = '{"litellm": {"base_url": "https://litellm.example.com/v1", "api_key": "sk-hunter2"%s}}'


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as refused:
        settings.load(environment)
    return str(refused.value)


def test_a_complete_environment_is_accepted() -> None:
    values = settings.load(DEPLOYED)

    assert values.stage == "prod"
    assert values.storage_domain == "https://cdn.example.com"
    assert values.database_url.get_secret_value() == DEPLOYED["DATABASE_URL"]


def test_what_is_not_ours_is_ignored() -> None:
    assert settings.load(DEPLOYED | {"PATH": "/bin", "LAMBDA_TASK_ROOT": "/var/task"}) == settings.load(DEPLOYED)


def test_everything_that_is_missing_is_named_at_once() -> None:
    message = refusal({})

    assert all(f"{name}: " in message for name in REQUIRED)


def test_every_kind_of_problem_is_named_at_once() -> None:
    missing = {"MIRROR_QUEUE_URL": ""}
    malformed = {"VIDEO_MAX_CONCURRENT": "many", "DATABASE_CONNECT_TIMEOUT_SECONDS": "0"}

    message = refusal(DEPLOYED | NOT_DEPLOYABLE | missing | malformed)

    assert [name for name in (*missing, *malformed, *NOT_DEPLOYABLE) if name not in message] == []


def test_all_that_a_deployed_stack_lacks_is_named_at_once() -> None:
    message = refusal(DEPLOYED | NOT_DEPLOYABLE)

    assert [name for name in NOT_DEPLOYABLE if name not in message] == []


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *NOT_DEPLOYABLE.items(),
        ("CALLBACK_HMAC_SECRET", "x" * 31),
        ("GENERATION_DEADLINE_SECONDS", "3601"),
        ("DATABASE_URL", "host=db.example.com user=u password='sslmode=require' sslmode=prefer"),
        ("DATABASE_URL", "postgresql://u@127.0.0.1,db.example.com/d"),
        ("DATABASE_URL", "postgresql://u@db.example.com/d?sslmode=require&sslmode=allow"),
        ("DATABASE_URL", "postgresql://u@localhost/d?hostaddr=192.0.2.1"),
        ("STORAGE_DOMAIN", "http://cdn.example.com"),
        ("STORAGE_ENDPOINT", "http://storage.example.com"),
        ("EVOLINK_BASE_URL", "http://api.example.com"),
        ("MIRROR_QUEUE_URL", "http://sqs.example.com/1/mirror"),
    ],
)
def test_a_deployed_stack_refuses_what_only_a_local_one_may(stage: str, name: str, value: str) -> None:
    local = DEPLOYED | {"STAGE": "local", name: value}

    assert settings.load(local).stage == "local"
    assert name in refusal(local | {"STAGE": stage})


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize("value", [f"{LONG_WEBHOOK_SECRET},whsec_", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY=", ","])
def test_no_stage_takes_a_webhook_secret_that_checks_nothing(stage: str, value: str) -> None:
    assert "REPLICATE_WEBHOOK_SECRET" in refusal(DEPLOYED | {"STAGE": stage, "REPLICATE_WEBHOOK_SECRET": value})


def test_a_stage_that_nobody_names_is_a_deployed_one() -> None:
    without_stage = {name: value for name, value in DEPLOYED.items() if name != "STAGE"}

    assert "ALLOW_LOOPBACK" in refusal(without_stage | {"ALLOW_LOOPBACK": "1"})


def test_the_submit_may_take_five_minutes_longer_than_the_generation() -> None:
    values = settings.load(DEPLOYED | {"GENERATION_DEADLINE_SECONDS": "600", "SUBMIT_DEADLINE_SECONDS": "900"})

    assert (values.generation_deadline_seconds, values.submit_deadline_seconds) == (600, 900)


def test_a_callback_secret_of_32_characters_is_long_enough() -> None:
    assert settings.load(DEPLOYED | {"CALLBACK_HMAC_SECRET": "x" * 32}).callback_secrets[0] == "x" * 32


@pytest.mark.parametrize("name", REQUIRED)
def test_an_empty_variable_counts_as_missing(name: str) -> None:
    assert f"{name}: " in refusal(DEPLOYED | {name: ""})


def test_an_empty_variable_leaves_the_default() -> None:
    values = settings.load(
        DEPLOYED | {"STAGE": "", "VIDEO_MAX_CONCURRENT": "", "EVOLINK_API_KEY": "", "AI_CALLBACK_URL": ""}
    )

    assert (values.stage, values.video_max_concurrent) == ("dev", 3)
    assert (values.evolink_api_key, values.ai_callback_url) == (None, None)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        (",", ()),
        ("files.example.com", ("files.example.com",)),
        ("files.example.com,*.example.org", ("files.example.com", "*.example.org")),
        (" files.example.com , ,*.example.org, ", ("files.example.com", "*.example.org")),
    ],
)
def test_a_list_is_separated_by_commas(text: str, hosts: tuple[str, ...]) -> None:
    assert settings.load(DEPLOYED | {"REMOTE_ASSET_ALLOWED_HOSTS": text}).remote_asset_allowed_hosts == hosts


def test_callbacks_are_signed_with_the_new_secret_and_taken_with_both() -> None:
    assert settings.load(DEPLOYED).callback_secrets == (
        SECRETS["CALLBACK_HMAC_SECRET"],
        SECRETS["CALLBACK_HMAC_SECRET_PREVIOUS"],
    )
    assert settings.load(DEPLOYED | {"CALLBACK_HMAC_SECRET_PREVIOUS": ""}).callback_secrets == (
        SECRETS["CALLBACK_HMAC_SECRET"],
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "production"),
        ("DATABASE_CONNECT_TIMEOUT_SECONDS", "0"),
        ("DATABASE_STATEMENT_TIMEOUT_SECONDS", "61"),
        ("VIDEO_MAX_CONCURRENT", "0"),
        ("VIDEO_MAX_CONCURRENT", "three"),
        ("SUBMIT_DEADLINE_SECONDS", "1.5"),
        ("UPLOAD_DEADLINE_SECONDS", "-1"),
        ("RECONCILE_INTERVAL_SECONDS", "0"),
        ("STATUS_REFRESH_SECONDS", "-1"),
        ("ALLOW_LOOPBACK", "perhaps"),
        ("STORAGE_DOMAIN", "cdn.example.com"),
        ("STORAGE_DOMAIN", "javascript:alert(1)//"),
        ("STORAGE_DOMAIN", "https://cdn.exa mple.com"),
        ("STORAGE_DOMAIN", "https://cdn.example.com?a"),
        ("STORAGE_DOMAIN", "https://user@cdn.example.com"),
        ("STORAGE_DOMAIN", "https://"),
        ("STORAGE_DOMAIN", "https://[::1"),
        ("STORAGE_DOMAIN", "https://cdn.example.com:port"),
        ("STORAGE_ENDPOINT", "account.r2.cloudflarestorage.com"),
        ("STORAGE_ENDPOINT", "https://account.r2.cloudflarestorage.com/videos"),
        ("STORAGE_ENDPOINT", "https://storage.example.com/s3/videos/"),
        ("STORAGE_ENDPOINT", "https://videos.account.r2.cloudflarestorage.com"),
        ("STORAGE_ENDPOINT", "https://account.r2\n.cloudflarestorage.com"),
        ("STORAGE_ACCESS_KEY", "access\nkey"),
        ("STORAGE_ACCESS_KEY", " \n"),
        ("STORAGE_SECRET_KEY", "secret key"),
        ("STORAGE_BUCKET", "my videos"),
        ("EVOLINK_API_KEY", "sk-evo\r\nX-Injected: yes"),
        ("KIE_API_KEY", "schlüssel"),
        ("AI_CALLBACK_URL", "https://api.example.com/callback?a=b"),
        ("ALLOWED_ORIGINS", "null"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://*.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com,https://app.example.com/"),
        ("ALLOWED_ORIGINS", "https://App.example.com"),
        ("ALLOWED_ORIGINS", "app.example.com"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    assert f"{name}: " in refusal(DEPLOYED | {"STAGE": "local", name: value})


@pytest.mark.parametrize(
    ("endpoint", "advice"),
    [
        ("https://account.r2.cloudflarestorage.com/videos", "from its path"),
        ("https://videos.account.r2.cloudflarestorage.com", "from its host"),
    ],
)
def test_an_endpoint_that_names_the_bucket_is_told_what_to_remove(endpoint: str, advice: str) -> None:
    """Every film would be stored under a doubled path, and its public URL would answer 404."""
    message = refusal(DEPLOYED | {"STORAGE_ENDPOINT": endpoint})

    assert "STORAGE_ENDPOINT: " in message
    assert "remove STORAGE_BUCKET's value" in message
    assert advice in message


def test_blanks_and_newlines_around_a_value_are_stripped() -> None:
    copied = {name: f" {DEPLOYED[name]}\r\n" for name in DEPLOYED if name.startswith("STORAGE_")}
    values = settings.load(DEPLOYED | copied | {"EVOLINK_API_KEY": "sk-evo\n", "AI_CALLBACK_URL": "https://api/x\n"})

    plain = settings.load(DEPLOYED | {"EVOLINK_API_KEY": "sk-evo", "AI_CALLBACK_URL": "https://api/x"})
    assert values == plain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p#w@db.example.com/d?sslmode=require"),
        ("DATABASE_URL", "postgresql://u@a.example.com,b.example.com:5433/d?sslmode=verify-full"),
        ("DATABASE_URL", "host=db.example.com password='a b' sslmode = 'verify-ca'"),
        ("DATABASE_URL", "postgresql://u@db.example.com/d?sslrootcert=system"),
        ("DATABASE_URL", "postgresql://u@127.0.0.1:5432/d"),  # a tunnel
        ("DATABASE_URL", "postgresql://u@[::1]:5432/d"),
        ("DATABASE_URL", "postgresql:///d?host=/run/postgresql"),
        ("REPLICATE_WEBHOOK_SECRET", f"{LONG_WEBHOOK_SECRET}, {LONG_WEBHOOK_SECRET}"),
        ("STORAGE_ENDPOINT", "https://project.supabase.co/storage/v1/s3"),
        ("STORAGE_ENDPOINT", "https://videos-account.example.com"),
        ("STORAGE_DOMAIN", "https://cdn.example.com/films"),
        ("ALLOWED_ORIGINS", "https://app.example.com:8443,http://localhost:3000,http://127.0.0.1:3000"),
    ],
)
def test_a_deployed_stack_takes_what_is_safe(name: str, value: str) -> None:
    assert settings.load(DEPLOYED | {name: value}).stage == "prod"


def test_no_secret_is_shown_by_any_message() -> None:
    shown = [
        refusal(SECRETS),
        refusal(DEPLOYED | {"ALLOW_LOOPBACK": "hunter2"}),
        refusal(DEPLOYED | {"CALLBACK_HMAC_SECRET": "hunter2"}),
        refusal(DEPLOYED | {"VIDEO_MAX_CONCURRENT": "hunter2"}),
        refusal(DEPLOYED | {"STORAGE_ACCESS_KEY": "hunter2\nhunter2"}),
        refusal(DEPLOYED | {"DATABASE_URL": "postgresql://u:hunter2@h/d"}),
        refusal(DEPLOYED | {"REPLICATE_WEBHOOK_SECRET": "whsec_hunter2"}),
        repr(settings.load(DEPLOYED)),
        str(settings.load(DEPLOYED)),
    ]

    assert not [text for text in shown if "hunter2" in text]


def test_a_refusal_keeps_no_secret_for_the_traceback() -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings.load(SECRETS)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_what_the_secret_says_counts_where_the_environment_says_nothing() -> None:
    public = {name: value for name, value in DEPLOYED.items() if name not in SECRETS}
    values = settings.load({**public, "EVOLINK_API_KEY": "", "KIE_API_KEY": "of-the-environment"}, SECRETS)

    assert values.database_url.get_secret_value() == SECRETS["DATABASE_URL"]
    assert values.evolink_api_key is not None
    assert values.evolink_api_key.get_secret_value() == SECRETS["EVOLINK_API_KEY"]
    assert values.kie_api_key is not None
    assert values.kie_api_key.get_secret_value() == "of-the-environment"


def test_an_empty_string_in_the_secret_is_unset_too() -> None:
    public = {name: value for name, value in DEPLOYED.items() if name not in SECRETS}

    assert settings.load(public, SECRETS | {"KIE_API_KEY": ""}).kie_api_key is None
    with pytest.raises(ConfigurationError, match="STORAGE_SECRET_KEY: "):
        settings.load(public, SECRETS | {"STORAGE_SECRET_KEY": ""})


def test_where_the_secret_is_must_be_known_without_it() -> None:
    place = read(SecretLocation, {"SECRETS_ARN": "clipferry", "AWS_REGION": "eu-west-1", "DATABASE_URL": ""})

    assert (place.secrets_arn, place.aws_region, place.secrets_max_age_seconds) == ("clipferry", "eu-west-1", 300)
    assert read(SecretLocation, {"SECRETS_ARN": ""}).secrets_arn is None
    with pytest.raises(ConfigurationError, match="SECRETS_MAX_AGE_SECONDS: "):
        read(SecretLocation, {"SECRETS_MAX_AGE_SECONDS": "0"})


def test_secrets_are_read_over_plain_http_in_the_local_stage_only() -> None:
    plain = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:5000"}

    assert read(SecretLocation, plain | {"STAGE": "local"}).aws_endpoint_url_secrets_manager
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL_SECRETS_MANAGER: "):
        read(SecretLocation, plain)


def test_every_secret_is_hidden_from_the_log_and_so_are_passwords_within_addresses() -> None:
    encoded = "postgresql://clipferry:p%40ss-word@db.example.com/clipferry?sslmode=require"
    old = f"{LONG_WEBHOOK_SECRET[:-4]}ZWY="
    webhooks = {"REPLICATE_WEBHOOK_SECRET": f"{LONG_WEBHOOK_SECRET}, {old}"}
    hidden = settings.load(DEPLOYED | webhooks | {"DATABASE_DIRECT_URL": encoded}).redactions

    assert hidden >= {value for name, value in SECRETS.items() if name != "DATABASE_DIRECT_URL"}
    assert hidden >= {"pw-hunter2", encoded, "p%40ss-word", "p@ss-word", LONG_WEBHOOK_SECRET, old}
    assert "videos" not in hidden


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgres://u:hunter2@h/d", "hunter2"),
        ("postgresql://u:hun@ter2@h:5432/d?sslmode=require", "hun@ter2"),
        ("host=h user=u password=hunter2 dbname=d", "hunter2"),
        ("host=h password = 'hunter two' dbname=d", "hunter two"),
    ],
)
def test_the_password_is_found_in_either_form_of_a_databases_address(url: str, password: str) -> None:
    assert password in settings.load(DEPLOYED | {"STAGE": "local", "DATABASE_URL": url}).redactions


def test_gateways_are_read_with_their_keys_which_no_log_shows() -> None:
    values = settings.load(DEPLOYED | {"VIDEO_GATEWAYS": GATEWAY % ', "file_needs_key": false'})

    [gateway] = values.gateways
    assert (gateway.name, gateway.base_url) == ("litellm", "https://litellm.example.com/v1")
    assert (gateway.api_key.get_secret_value(), gateway.file_needs_key) == ("sk-hunter2", False)
    assert {"sk-hunter2", GATEWAY % ', "file_needs_key": false'} <= values.redactions
    assert "hunter2" not in repr(values) + repr(values.gateways)
    assert settings.load(DEPLOYED).gateways == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no JSON"),
        ("[]", "must be like"),
        ('{"litellm": "sk-hunter2"}', "must be like"),
        (GATEWAY.replace('litellm"', 'Lite LLM"', 1) % "", "'Lite LLM': name"),
        (GATEWAY.replace("https", "http") % "", "base_url must be https:// and a host"),
        (GATEWAY % ', "file_needs_key": "yes"', "file_needs_key"),
        (GATEWAY.replace(".com/", ".com:4000/") % "", "file_needs_key is only for a base_url on port 443"),
        (GATEWAY.replace(".com/", ".com:x/") % "", "base_url is no address"),
        (GATEWAY % ', "dialect": "x"', "'litellm': dialect"),
        ('{"litellm": {"base_url": "https://hunter2.example.com"}}', "'litellm': api_key"),
        ('{"a": {"base_url": "https://a.example.com", "api_key": "sk hunter2"}, "b": {}}', "'b': base_url"),
        (GATEWAY.replace('litellm"', 'kie"', 1) % "", "kie has settings of its own"),
    ],
)
def test_what_is_wrong_with_a_gateway_is_named_and_no_key_shown(text: str, problem: str) -> None:
    message = refusal(DEPLOYED | {"VIDEO_GATEWAYS": text})

    assert problem in message
    assert "VIDEO_GATEWAYS" in message
    assert "hunter2" not in message.replace("hunter2.example.com", "")


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ({}, GATEWAY.replace(".com/", ".com:443/") % ""),
        ({}, GATEWAY.replace(".com/", ".com:4000/") % ', "file_needs_key": false'),
        ({"STAGE": "local"}, GATEWAY.replace(".com/", ".com:4000/") % ""),
    ],
)
def test_a_gateways_port_matters_where_files_are_fetched_from_it(own: dict[str, str], text: str) -> None:
    assert settings.load(DEPLOYED | own | {"VIDEO_GATEWAYS": text}).gateways


def test_a_gateway_of_the_local_stage_may_use_plain_http() -> None:
    values = settings.load(DEPLOYED | {"STAGE": "local", "VIDEO_GATEWAYS": GATEWAY.replace("https", "http") % ""})

    assert values.gateways[0].base_url == "http://litellm.example.com/v1"
