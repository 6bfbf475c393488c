import jinja2
import pytest

from mammo.common import colours, templates


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        ({"value": 0.7312, "low": 0.652, "high": 0.8041}, "0.731 (0.652 to 0.804)"),
        ({"value": 0.5, "low": None, "high": None}, "0.500"),
        ({"value": None, "low": None, "high": None}, "–"),
    ],
)
def test_a_figure_is_written_with_its_interval(figure, text):
    assert templates.figure_text(figure) == text


def _render(folder, text, **options):
    (folder / "page.html").write_text(text)
    return templates.environment_of([folder], **options).get_template("page.html")


def test_a_template_has_figures_colours_and_templates_of_other_folders(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "style.css").write_text("p { color: {{ colours.INK }}; }")
    (tmp_path / "page.html").write_text('{% include "style.css" %}{{ made | figure(1) }}')
    page = templates.environment_of([tmp_path, tmp_path / "other"]).get_template("page.html")
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    assert page.render(made=figure) == f"p {{ color: {colours.INK}; }}0.5 (0.2 to 0.8)"


def test_values_are_escaped_unless_told_otherwise_and_what_is_missing_is_an_error(tmp_path):
    assert _render(tmp_path, "{{ name }}").render(name="<b>") == "&lt;b&gt;"
    assert _render(tmp_path, "{{ name }}", autoescape=False).render(name="<b>") == "<b>"
    with pytest.raises(jinja2.UndefinedError, match="name"):
        _render(tmp_path, "{{ name }}").render()
