"""Templates of the admin page that differ from those of starlette-admin."""

TEMPLATES = {
    "base.html": """\
{% extends "@core/base.html" %}
{% block fonts %}{# that of starlette-admin comes from another host #}{% endblock %}
""",
    "crudgen/list.html": """\
{% extends "list.html" %}
{% block list_search %}{% if view.table.search %}{{ super() }}{% endif %}{% endblock %}
""",
    "crudgen/create.html": """\
{% extends "create.html" %}
{% block form_before %}{% include "crudgen/errors.html" %}{% endblock %}
""",
    "crudgen/edit.html": """\
{% extends "edit.html" %}
{% block form_before %}
<input type="hidden" name="_etag" value="{{ request.state.admin_etag }}">
{% include "crudgen/errors.html" %}
{% endblock %}
""",
    "crudgen/errors.html": """\
{% if errors and errors[":request"] %}
<div class="alert alert-danger" role="alert" id="request-error">{{ errors[":request"] }}</div>
{% endif %}
""",
    "crudgen/upload.html": """\
<input type="file" class="form-control {% if error %}{{ cls(field.error_class) }}{% endif %}"
       id="{{ field.id }}" name="{{ field.id }}" {% if error %}aria-invalid="true"{% endif %} />
{% if field.help_text %}<small class="form-hint">{{ field.help_text }}</small>{% endif %}
{% if request.state.action == "EDIT" and data is not none and field.extra.removable %}
<label class="form-check mt-2">
  <input type="checkbox" class="form-check-input" name="_{{ field.id }}-delete" />
  <span class="form-check-label">Remove the stored file</span>
</label>
{% endif %}
<div class="{% if error %}{{ cls(field.error_class) }}{% endif %}"></div>
{% include "fields/form/_error.html" %}
""",
    "crudgen/password.html": """\
{% extends "@core/login.html" %}
{% block login_fields %}
<div class="mb-3">
  <label class="form-label" for="username">User name</label>
  <input type="text" id="username" name="username" class="form-control" required
         autocomplete="username" autofocus />
</div>
<div class="mb-3">
  <label class="form-label" for="password">Password</label>
  <input type="password" id="password" name="password" class="form-control" required
         autocomplete="current-password" />
</div>
{% endblock %}
{% block script %}{% endblock %}
""",
    "crudgen/token.html": """\
{% extends "@core/login.html" %}
{% block login_fields %}
<div class="mb-3">
  <label class="form-label" for="password">Token</label>
  <textarea id="password" name="password" rows="4" class="form-control font-monospace"
            autocomplete="off" spellcheck="false"></textarea>
  <small class="form-hint">A token that the API accepts as Authorization: Bearer.</small>
</div>
{% endblock %}
{% block script %}{% endblock %}
""",
    "crudgen/oidc.html": """\
{% extends "@core/login.html" %}
{% block login_fields %}{% endblock %}
{% block login_form_footer %}
{% set start = url_for(request.app.state.ROUTE_NAME ~ ":oidc_start") %}
<div class="form-footer">
  <a class="btn btn-primary w-100" id="log-in"
     href="{{ start.include_query_params(next=request.query_params.get('next', '')) }}">Log in</a>
</div>
{% endblock %}
{% block script %}{% endblock %}
""",
    "crudgen/leave.html": """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={{ url }}">
<title>Log out</title>
</head>
<body><a id="log-out" href="{{ url }}">Log out at the identity provider</a></body>
</html>
""",
}
"""The templates by name. They extend those of starlette-admin."""
