"""The stack: a CDK app that deploys Aureon to an AWS account."""
