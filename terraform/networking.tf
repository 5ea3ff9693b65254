# A VPC with three kinds of subnets per zone. Public ones hold the load balancer and NAT gateways and
# nothing else; nodes and pods are in private ones, which reach providers through NAT; the database,
# Kafka and the cache are in isolated ones, which reach nothing outside.

locals {
  zones        = slice(data.aws_availability_zones.available.names, 0, var.availability_zones)
  nat_per_zone = coalesce(var.nat_per_zone, local.is_production)
  nat_zones    = local.nat_per_zone ? local.zones : slice(local.zones, 0, 1)

  # /20 each: a pod has an address of its subnet.
  private_cidrs  = { for index, zone in local.zones : zone => cidrsubnet(var.vpc_cidr, 4, index) }
  public_cidrs   = { for index, zone in local.zones : zone => cidrsubnet(var.vpc_cidr, 8, 200 + index) }
  isolated_cidrs = { for index, zone in local.zones : zone => cidrsubnet(var.vpc_cidr, 8, 220 + index) }

  private_subnet_ids  = [for zone in local.zones : aws_subnet.private[zone].id]
  isolated_subnet_ids = [for zone in local.zones : aws_subnet.isolated[zone].id]

  # So that this traffic stays in AWS's network, and nodes work when NAT does not.
  interface_endpoints = toset([
    "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "kms", "logs", "secretsmanager", "sts",
  ])
}

resource "aws_vpc" "main" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

# Whatever is made without naming a group gets this one: it allows nothing.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${local.name}-default-allows-nothing" }
}

resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_subnet" "isolated" {
  for_each = local.isolated_cidrs

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-isolated-${each.key}" }
}

# --- routes
resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = local.name }
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  domain = "vpc"

  tags = { Name = "${local.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "main" {
  for_each = toset(local.nat_zones)

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${local.name}-${each.key}" }

  depends_on = [aws_internet_gateway.main]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = { Name = "${local.name}-public" }
}

resource "aws_route_table" "private" {
  for_each = toset(local.zones)

  vpc_id = aws_vpc.main.id

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.main[local.nat_per_zone ? each.key : local.zones[0]].id
  }

  tags = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table" "isolated" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${local.name}-isolated" }
}

resource "aws_route_table_association" "public" {
  for_each = toset(local.zones)

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  for_each = toset(local.zones)

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_route_table_association" "isolated" {
  for_each = toset(local.zones)

  subnet_id      = aws_subnet.isolated[each.key].id
  route_table_id = aws_route_table.isolated.id
}

# --- endpoints
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for zone in local.zones : aws_route_table.private[zone].id]

  tags = { Name = "${local.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.private_subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]

  tags = { Name = "${local.name}-${each.key}" }
}

# --- the way in: a load balancer for TCP; TLS ends at the ingress controller in the cluster, whose
# certificates cert-manager renews
resource "aws_lb" "main" {
  # checkov:skip=CKV_AWS_91: a network load balancer logs TLS listeners alone; requests are in the pods' logs, connections in the flow log
  # checkov:skip=CKV2_AWS_20: it passes TCP on; the ingress controller redirects to https
  name                             = local.name
  load_balancer_type               = "network"
  internal                         = false
  subnets                          = [for zone in local.zones : aws_subnet.public[zone].id]
  security_groups                  = [aws_security_group.load_balancer.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = local.is_protected
}

resource "aws_lb_target_group" "main" {
  for_each = local.node_ports

  name                   = "${local.name}-${each.key}"
  vpc_id                 = aws_vpc.main.id
  protocol               = "TCP"
  port                   = each.value.node_port
  target_type            = "instance"
  preserve_client_ip     = true # rate limits are per address
  deregistration_delay   = 330  # an answer may take ANSWER_TIMEOUT, 300 s
  connection_termination = false

  # A node without an ingress controller does not answer here, so it gets no traffic.
  health_check {
    protocol            = "TCP"
    port                = each.value.node_port
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "main" {
  for_each = local.node_ports

  load_balancer_arn        = aws_lb.main.arn
  protocol                 = "TCP"
  port                     = each.value.port
  tcp_idle_timeout_seconds = 600 # silent streams: a heartbeat comes every 5 s, proxies differ

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main[each.key].arn
  }
}

resource "aws_autoscaling_attachment" "main" {
  # checkov:skip=CKV2_AWS_15: a node without an ingress controller is healthy, and must not be replaced for it
  for_each = local.node_ports

  autoscaling_group_name = aws_eks_node_group.services.resources[0].autoscaling_groups[0].name
  lb_target_group_arn    = aws_lb_target_group.main[each.key].arn
}

# --- DNS
resource "aws_route53_record" "api" {
  count = var.hosted_zone_id == null ? 0 : 1

  zone_id = var.hosted_zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = aws_lb.main.dns_name
    zone_id                = aws_lb.main.zone_id
    evaluate_target_health = true
  }
}

# --- who talked to whom
resource "aws_flow_log" "main" {
  vpc_id               = aws_vpc.main.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.main["flow"].arn
  iam_role_arn         = aws_iam_role.main["flow-logs"].arn
}
