# What may be reached from where.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "helm" {}

variables {
  region           = "eu-central-1"
  environment      = "production"
  domain           = "ragline.example.org"
  database         = { instance_class = "db.m7g.large", storage_gib = 100, max_storage_gib = 500, multi_az = true, backup_days = 14 }
  cache            = { node_type = "cache.t4g.small", nodes = 2 }
  kafka            = { instance_type = "kafka.m7g.large", brokers_per_zone = 1, storage_gib = 100 }
  services_nodes   = { instance_types = ["m7i.large"], min = 3, max = 6 }
  processing_nodes = { instance_types = ["m7i.large"], min = 0, max = 6, spot = true }
}

run "nodes_and_servers_are_in_private_subnets_only" {
  assert {
    condition = alltrue([
      for group in [aws_eks_node_group.services, aws_eks_node_group.processing] :
      toset(group.subnet_ids) == toset([for subnet in aws_subnet.private : subnet.id])
    ])
    error_message = "Nodes belong in the private subnets."
  }

  assert {
    condition     = toset(aws_eks_cluster.main.vpc_config[0].subnet_ids) == toset([for subnet in aws_subnet.private : subnet.id])
    error_message = "The cluster's network interfaces belong in the private subnets."
  }

  assert {
    condition = alltrue([
      for subnet_ids in [
        aws_db_subnet_group.main.subnet_ids,
        aws_elasticache_subnet_group.main.subnet_ids,
        aws_msk_cluster.main.broker_node_group_info[0].client_subnets,
      ] : toset(subnet_ids) == toset([for subnet in aws_subnet.isolated : subnet.id])
    ])
    error_message = "PostgreSQL, Valkey and Kafka belong in the isolated subnets."
  }

  assert {
    condition     = length(aws_route_table.isolated.route) == 0
    error_message = "The isolated subnets have a route out of the VPC."
  }

  assert {
    condition = alltrue([
      for subnet in concat(values(aws_subnet.public), values(aws_subnet.private), values(aws_subnet.isolated)) :
      !subnet.map_public_ip_on_launch
    ])
    error_message = "No subnet gives out public addresses."
  }

  assert {
    condition = (
      !aws_db_instance.main.publicly_accessible &&
      aws_msk_cluster.main.broker_node_group_info[0].connectivity_info[0].public_access[0].type == "DISABLED"
    )
    error_message = "PostgreSQL or Kafka has a public address."
  }
}

run "only_the_load_balancer_takes_from_outside" {
  assert {
    condition = alltrue([
      for rule in concat(
        values(aws_vpc_security_group_ingress_rule.servers),
        values(aws_vpc_security_group_ingress_rule.load_balancer),
      ) : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.referenced_security_group_id != null
    ])
    error_message = "Servers and nodes take connections from security groups, not from addresses."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.clients :
      rule.security_group_id == aws_security_group.load_balancer.id && contains([80, 443], rule.from_port) && rule.from_port == rule.to_port
    ])
    error_message = "Clients reach ports 80 and 443 of the load balancer, nothing else."
  }
}

run "the_api_of_kubernetes_is_private_unless_operators_are_named" {
  assert {
    condition     = aws_eks_cluster.main.vpc_config[0].endpoint_private_access && !aws_eks_cluster.main.vpc_config[0].endpoint_public_access
    error_message = "The API of Kubernetes is public without anybody having asked for it."
  }
}

run "named_operators_reach_the_api_of_kubernetes" {
  variables {
    operator_cidrs = ["203.0.113.7/32"]
  }

  assert {
    condition = (
      aws_eks_cluster.main.vpc_config[0].endpoint_public_access &&
      toset(aws_eks_cluster.main.vpc_config[0].public_access_cidrs) == toset(["203.0.113.7/32"])
    )
    error_message = "The API of Kubernetes must be open to the named addresses and to no others."
  }
}

run "the_whole_internet_is_no_operator" {
  command = plan

  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.operator_cidrs]
}

run "production_has_a_way_out_per_zone" {
  assert {
    condition     = length(aws_nat_gateway.main) == 3
    error_message = "Production needs a NAT gateway in each zone."
  }

  assert {
    condition = alltrue([
      for zone, table in aws_route_table.private :
      one(table.route).nat_gateway_id == aws_nat_gateway.main[zone].id
    ])
    error_message = "A private subnet goes out through another zone."
  }
}

run "staging_shares_one_way_out" {
  variables {
    environment = "staging"
  }

  assert {
    condition     = length(aws_nat_gateway.main) == 1
    error_message = "Staging pays for more than one NAT gateway."
  }
}

run "the_domain_points_to_the_load_balancer_where_its_zone_is_known" {
  variables {
    hosted_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = one(aws_route53_record.api).name == var.domain && one(aws_route53_record.api).alias[0].name == aws_lb.main.dns_name
    error_message = "The record of the domain does not lead to the load balancer."
  }
}

run "dns_elsewhere_makes_no_record" {
  assert {
    condition     = length(aws_route53_record.api) == 0
    error_message = "A record was made in a zone that nobody named."
  }
}
