"""Settings of the documentation: ``make docs`` writes it to ``docs/_build/html``, without a network."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

os.environ.setdefault("MPLBACKEND", "Agg")

import generate_command_line  # noqa: E402

project = "affetti"
author = "the affetti contributors"
project_copyright = author
release = installed("affetti")
version = release.partition(".dev")[0]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.zip", "gallery/sg_execution_times.rst"]
nitpicky = False

html_theme = "furo"
html_title = "affetti"
html_static_path = ["_static"]
html_css_files = ["affetti.css"]
html_copy_source = False
html_show_sourcelink = False
templates_path: list[str] = []

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Returns"]  # prose: a colon in it does not end the name of a type

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "capture_repr": ("_repr_html_",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 1,
    "reset_modules": ("matplotlib",),
}

generate_command_line.main()
