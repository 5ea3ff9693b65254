# Some 200,000 documents a day, thousands of people. Any zone may fail at the busiest hour.
environment        = "production"
availability_zones = 3

database         = { instance_class = "db.r7g.4xlarge", storage_gib = 1000, max_storage_gib = 8000, multi_az = true, backup_days = 30 }
cache            = { node_type = "cache.m7g.large", nodes = 3 }
kafka            = { instance_type = "kafka.m7g.xlarge", brokers_per_zone = 2, storage_gib = 1000 }
services_nodes   = { instance_types = ["m7i.2xlarge", "m6i.2xlarge"], min = 6, max = 30 }
processing_nodes = { instance_types = ["m7i.2xlarge", "m6i.2xlarge", "m5.2xlarge"], min = 3, max = 40, spot = true }
