"""What the fields of accounts, rights and tokens mean (app/views/fields.py says how the keys are read)."""

from app.views.meanings import BEGIN, OTHER_ID, Meaning

ACCESS_FIELDS: dict[str, Meaning] = {
    # accounts
    "AuditObject.address": Meaning("Where the request came from; null for what the service did itself", "192.0.2.7"),
    "role": Meaning("What may be done: `viewer` looks, `operator` acts, `admin` configures and deletes", "operator"),
    "is_once": Meaning("Whether the password must be changed at the next sign-in", False),
    "has_password": Meaning("Whether it can sign in with a password", True),
    "has_totp": Meaning("Whether a code of an authenticator app is asked for after the password", False),
    "sees_all": Meaning("Whether it may see all cameras; else those of `source_ids` and `group_ids`", False),
    "source_ids": Meaning("Ids of cameras", [1]),
    "group_ids": Meaning("Ids of groups, whose cameras count when they are asked for", [OTHER_ID]),
    "sessions": Meaning("How many browsers are signed in", 1),
    "last_sign_in_utc": Meaning("When somebody last signed in, null for never", BEGIN),
    "how": Meaning("By what: `cookie`, `token`, `network`, `terminal`, or `open` where anybody may", "cookie"),
    "NewAccount.name": Meaning("1 to 64 characters of any script; the same however it is spelt", "anna"),
    "NewAccount.password": Meaning("At least 12 characters", "four words of mine"),
    "NewAccount.source_ids": Meaning("Cameras that it may see", []),
    "NewAccount.group_ids": Meaning("Groups whose cameras it may see", []),
    "AccountChange.source_ids": Meaning("Cameras that it may see", []),
    "AccountChange.group_ids": Meaning("Groups whose cameras it may see", []),
    "AccountChange.is_active": Meaning("Whether it may sign in, and its tokens are taken", True),
    "AccountObject.is_active": Meaning("Whether it may sign in, and its tokens are taken", True),
    "MadeAccountObject.is_active": Meaning("Whether it may sign in, and its tokens are taken", True),
    "AccountObject.name": Meaning("The name, which nobody else can take", "anna"),
    "MadeAccountObject.name": Meaning("The name, which nobody else can take", "anna"),
    "MadeAccountObject.password": Meaning(
        "The one-time password, shown this once; null where one was given", "xK3v-9QmPz_Lw81RtUeB"
    ),
    "MeObject.id": Meaning("The id of the account, null where there is none", OTHER_ID),
    "MeObject.name": Meaning("What the log calls who asks", "anna"),
    "MeObject.source_ids": Meaning("Ids of the cameras that he may see, where these are not all", []),
    "TotpObject.key": Meaning("For the app, in base 32; shown this once", "JBSWY3DPEHPK3PXP"),
    "new_password": Meaning("The new password, at least 12 characters", "five other words of mine"),
    "uri_otpauth": Meaning("The key as an address that the app opens", "otpauth://totp/flask-playback:anna"),
    "recovery_codes": Meaning("Each stands once in the place of a code of the app", ["k7mp-x2qd-9hwt"]),
}
