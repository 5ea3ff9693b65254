# Some 2,000 documents a day, some hundred people. Any zone may fail.
environment        = "production"
availability_zones = 3

database         = { instance_class = "db.m7g.xlarge", storage_gib = 200, max_storage_gib = 1000, multi_az = true, backup_days = 14 }
cache            = { node_type = "cache.t4g.small", nodes = 2 }
kafka            = { instance_type = "kafka.m7g.large", brokers_per_zone = 1, storage_gib = 200 }
services_nodes   = { instance_types = ["m7i.xlarge", "m6i.xlarge"], min = 3, max = 9 }
processing_nodes = { instance_types = ["m7i.xlarge", "m6i.xlarge", "m5.xlarge"], min = 1, max = 8, spot = true }
