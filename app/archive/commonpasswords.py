"""Passwords of twelve characters and more that are tried first: from published lists of leaks, and those of cameras.

In small letters. What only repeats or counts up is refused by rule (app/archive/passwords.py).
"""

COMMON = frozenset(
    (
        "1q2w3e4r5t6y 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc 1q2w3e4r5t6y7u 123456789abc 123456789qwe 1234567890qw "
        "1234567890ab 123456qwerty 123qweasdzxc 123123qweqwe abc123456789 abcd12345678 a1b2c3d4e5f6 admin1234567 "
        "admin12345678 admin123456789 adminadmin123 administrator administrator1 administrador asdfghjkl123 "
        "asdfghjkl;'# basketball12 bismillah123 camera123456 changeme1234 changemenow! changeit1234 chocolate123 "
        "christopher1 contraseña123 dragon123456 flask-playback football1234 geheim123456 hallo1234567 hikvision123 "
        "hikvision1234 hikvision12345 dahua1234567 axis12345678 iloveyou1234 iloveyou2000 iloveyou12345 "
        "kennwort1234 letmein12345 letmein123456 liverpool123 master123456 monkey123456 motdepasse123 "
        "p@ssw0rd1234 p@ssword1234 p@ssw0rd12345 pa$$word1234 pass12345678 passw0rd1234 passwort1234 passwort123! "
        "passwort12345 password1234 password12345 password123456 password1234! password123! password2024 password2025 "
        "password2026 passwordpassword1 princess1234 q1w2e3r4t5y6 q1w2e3r4t5y6u7 qazwsxedcrfv qazwsxedc123 qwe123qwe123 "
        "qweasdzxc123 qwer1234qwer qwertyqwerty1 qwerty123456 qwerty1234567 qwerty12345678 qwertyuiop[] qwertyuiop12 "
        "qwertyuiop123 qwertyuiop1234 qwertzuiop12 qwertzuiop123 root12345678 samsung12345 schatz123456 secret123456 "
        "security1234 starwars1234 sunshine1234 superman1234 superuser123 system123456 test12345678 testtest1234 "
        "trustno12345 ubnt12345678 unifi1234567 user12345678 viewer123456 welcome12345 welcome123456 willkommen123 "
        "zaq12wsxcde3 zxcvbnm12345 zxcvbnm123456 йцукенгшщзхъ йцукен123456 пароль123456 парольпароль1 "
        "correcthorsebatterystaple"
    ).split(" ")
) | {"correct horse battery staple"}
