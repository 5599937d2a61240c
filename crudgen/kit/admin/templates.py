"""Templates of the admin page that differ from those of starlette-admin."""

TEMPLATES = {
    "base.html": """\
{% extends "@core/base.html" %}
{% block fonts %}{# that of starlette-admin comes from another host #}{% endblock %}
""",
    "error.html": """\
{% extends "@core/error.html" %}
{% block content %}
{% if exc.status_code == 403 and exc.detail == "Forbidden" %}
<div class="empty">
  <div class="empty-header">403</div>
  <p class="empty-title">The API does not permit this</p>
  {% if request.state.admin_user %}
  <p class="empty-subtitle text-muted">
    You are logged in as {{ request.state.admin_user.username }}.
  </p>
  {% endif %}
  <div class="empty-action">{{ self.error_actions() }}</div>
</div>
{% else %}
{{ super() }}
{% endif %}
{% endblock %}
""",
    "fields/detail/_null.html": """\
<span class="text-muted" title="{{ _('No value') }}">&ndash;</span>
""",
    "crudgen/list.html": """\
{% extends "list.html" %}
{% block head_css %}
{{ super() }}
<style>/* the API combines all filters by AND */
#filter-form > div:has(> #filter-root-logic), #add-filter-group { display: none !important; }
</style>
{% endblock %}
{% block list_search %}{% if view.table.search %}{{ super() }}{% endif %}{% endblock %}
""",
    "crudgen/detail.html": """\
{% extends "detail.html" %}
{% block detail_title %}<h3 class="card-title">{{ obj["_meta"]["repr"] }}</h3>{% endblock %}
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
{% elif errors %}
<div class="alert alert-danger" role="alert" id="problems">Not saved. See
  {% for one in view.table.properties if errors[one.name] %}
  <a class="alert-link" href="#{{ one.name }}">{{ one.label }}</a>{{ "," if not loop.last }}
  {% endfor %}
</div>
{% endif %}
""",
    "crudgen/upload.html": """\
<input type="file" class="form-control {% if error %}{{ cls(field.error_class) }}{% endif %}"
       id="{{ field.id }}" name="{{ field.id }}" {% if error %}aria-invalid="true"{% endif %} />
{% if field.help_text %}<small class="form-hint">{{ field.help_text }}</small>{% endif %}
{% if request.state.action == "EDIT" and request.state.admin_files[field.name] %}
<small class="form-hint">
  Stored: {{ request.state.admin_files[field.name] }},
  {% with pk = request.query_params["pk"] %}{% include "crudgen/download.html" %}{% endwith %}
</small>
{% if field.extra.removable %}
<label class="form-check mt-2">
  <input type="checkbox" class="form-check-input" name="_{{ field.id }}-delete" />
  <span class="form-check-label">Remove the stored file</span>
</label>
{% endif %}
{% endif %}
<div class="{% if error %}{{ cls(field.error_class) }}{% endif %}"></div>
{% include "fields/form/_error.html" %}
""",
    "crudgen/download.html": """\
<a href="{{ url_for(__name__ ~ ':file', key=field.extra.table).include_query_params(
  pk=pk, name=field.name) }}">Download</a>
""",
    "crudgen/file.html": """\
{{ data }}, {% with pk = obj[view.pk_attr] %}{% include "crudgen/download.html" %}{% endwith %}
""",
    "crudgen/secret.html": """\
{% include field.extra.input %}
{% if request.state.action == "EDIT" %}
<small class="form-hint">The stored value is not shown. An empty input keeps it.</small>
{% if field.extra.removable %}
<label class="form-check mt-2">
  <input type="checkbox" class="form-check-input" name="_{{ field.id }}-delete" />
  <span class="form-check-label">Remove the stored value</span>
</label>
{% endif %}
{% endif %}
""",
    "crudgen/login.html": """\
{% extends "@core/login.html" %}
{% block login_title %}
<h2 class="card-title text-center mb-4">Log in to {{ app_title }}</h2>
{% endblock %}
{% block script %}{% endblock %}
""",
    "crudgen/password.html": """\
{% extends "crudgen/login.html" %}
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
""",
    "crudgen/token.html": """\
{% extends "crudgen/login.html" %}
{% block login_fields %}
<div class="mb-3">
  <label class="form-label" for="password">Token</label>
  <textarea id="password" name="password" rows="4" class="form-control font-monospace"
            autocomplete="off" spellcheck="false"></textarea>
  <small class="form-hint">A token that the API accepts as Authorization: Bearer.</small>
</div>
{% endblock %}
""",
    "crudgen/oidc.html": """\
{% extends "crudgen/login.html" %}
{% block login_fields %}{% endblock %}
{% block login_form_footer %}
{% set start = url_for(request.app.state.ROUTE_NAME ~ ":oidc_start") %}
<div class="form-footer">
  <a class="btn btn-primary w-100" id="log-in"
     href="{{ start.include_query_params(next=request.query_params.get('next', '')) }}">Log in</a>
</div>
{% endblock %}
""",
    "crudgen/either.html": """\
{% extends "crudgen/password.html" %}
{% block login_form_footer %}
{% set start = url_for(request.app.state.ROUTE_NAME ~ ":oidc_start") %}
{{ super() }}
<div class="hr-text my-3">or</div>
<a class="btn w-100" id="log-in"
   href="{{ start.include_query_params(next=request.query_params.get('next', '')) }}">
  Log in at the identity provider
</a>
{% endblock %}
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
