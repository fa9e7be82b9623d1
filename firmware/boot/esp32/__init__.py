"""What is the own of ESP32, S3 and C3 before the application. Its files are frozen: firmware/boot/manifest_esp32.py."""
