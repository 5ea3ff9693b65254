# Some 20,000 documents a day, thousands of people. Any zone may fail at the busiest hour.
environment        = "production"
availability_zones = 3

database         = { instance_class = "db.r7g.2xlarge", storage_gib = 1000, max_storage_gib = 8000, multi_az = true, backup_days = 30 }
cache            = { node_type = "cache.m7g.large", nodes = 2 }
kafka            = { instance_type = "kafka.m7g.xlarge", brokers_per_zone = 1, storage_gib = 500 }
services_nodes   = { instance_types = ["m7i.2xlarge", "m6i.2xlarge"], min = 3, max = 15 }
processing_nodes = { instance_types = ["m7i.2xlarge", "m6i.2xlarge", "m5.2xlarge"], min = 1, max = 12, spot = true }
