# Nodes of their own for parsers, chunkers and embedders: they come and go with the lag, may be spot
# instances (a worker that is told to stop hands its work back), and never crowd out an answer. A taint
# keeps everything else off them: the ingress controller on a node that vanishes would take requests
# with it, and the load balancer does not look for it here.

locals {
  processing = { key = "ragline/nodes", value = "processing", effect = "NoSchedule" }
}

resource "aws_eks_node_group" "processing" {
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "processing"
  node_role_arn   = aws_iam_role.main["nodes"].arn
  subnet_ids      = local.private_subnet_ids
  ami_type        = "AL2023_x86_64_STANDARD"
  capacity_type   = var.processing_nodes.spot ? "SPOT" : "ON_DEMAND"
  instance_types  = var.processing_nodes.instance_types
  labels          = { (local.processing.key) = local.processing.value }

  taint {
    key    = local.processing.key
    value  = local.processing.value
    effect = "NO_SCHEDULE"
  }

  launch_template {
    id      = aws_launch_template.nodes.id
    version = aws_launch_template.nodes.latest_version
  }

  scaling_config {
    min_size     = var.processing_nodes.min
    max_size     = var.processing_nodes.max
    desired_size = var.processing_nodes.min
  }

  update_config {
    max_unavailable_percentage = 33
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the cluster autoscaler's
  }

  # Without a way out, a node that starts cannot join.
  depends_on = [aws_eks_addon.nodes, aws_iam_role_policy_attachment.managed, aws_route_table_association.private]
}

# With no node there, the autoscaler cannot see what a new one would be like: the group says it.
resource "aws_autoscaling_group_tag" "processing" {
  for_each = {
    "k8s.io/cluster-autoscaler/node-template/label/${local.processing.key}" = local.processing.value
    "k8s.io/cluster-autoscaler/node-template/taint/${local.processing.key}" = "${local.processing.value}:${local.processing.effect}"
  }

  autoscaling_group_name = aws_eks_node_group.processing.resources[0].autoscaling_groups[0].name

  tag {
    key                 = each.key
    value               = each.value
    propagate_at_launch = false
  }
}
