"""Synthesize the stack: what ``cdk`` runs, as ``cdk.json`` says. Neither credentials nor Docker."""

from __future__ import annotations

import os

from aws_cdk import App

from infra import bundle
from infra.settings import Settings
from infra.stack import Aureon, checked

# cdk says where to write; whoever runs this without it finds it where cdk would write.
app = App(outdir=os.environ.get("CDK_OUTDIR", "build/cdk.out"))
assets = bundle.build(bundle.LAMBDA)
Aureon(app, "Aureon", assets=assets, settings=Settings.from_context(app.node))
checked(app).synth()
