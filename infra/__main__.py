"""Synthesize the stack: what ``cdk`` runs, as ``cdk.json`` says. Neither credentials nor Docker."""

from __future__ import annotations

import os

from infra import bundle
from infra.settings import Settings
from infra.stack import Aureon, new_app

# cdk says where to write; without cdk, the template goes to the same place.
app = new_app(os.environ.get("CDK_OUTDIR", "build/cdk.out"))
assets = bundle.build(bundle.LAMBDA)
Aureon(app, "Aureon", assets=assets, settings=Settings.from_context(app.node))
app.synth()
