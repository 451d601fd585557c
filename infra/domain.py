"""A name of one's own for the API."""

from __future__ import annotations

from aws_cdk import aws_apigatewayv2 as gateway
from constructs import Construct


class Domain(Construct):
    """The name, over TLS 1.2 or newer; `target` is where its DNS record has to lead."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        certificate_arn: str,
        api_id: str,
        stage: str,
    ) -> None:
        super().__init__(scope, id_)
        domain = gateway.CfnDomainName(
            self,
            "Resource",
            domain_name=name,
            domain_name_configurations=[
                gateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=certificate_arn,
                    endpoint_type="REGIONAL",
                    security_policy="TLS_1_2",
                )
            ],
        )
        gateway.CfnApiMapping(self, "Mapping", api_id=api_id, domain_name=domain.ref, stage=stage)
        self.target = domain.attr_regional_domain_name
